#!/usr/bin/env python
"""Train the Challenge entry: `python train_model.py -d DATA -m MODEL [-v]`."""

import argparse

from giraffe.commands.commandline import parse_folders
from team_code import train_models


def get_parser():
    parser = argparse.ArgumentParser(description="Train the Challenge models.")
    parser.add_argument("-d", "--data_folder", help="folder with the training records")
    parser.add_argument("-m", "--model_folder", help="folder for the trained model")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what is going on")
    return parser


def run(args):
    train_models(args.data_folder, args.model_folder, args.verbose)


if __name__ == "__main__":
    run(parse_folders(get_parser(), ("data_folder", "model_folder")))
