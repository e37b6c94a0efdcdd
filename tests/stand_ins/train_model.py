# A stand-in for the organisers' train_model.py: their command line only.
import argparse
import sys

from helper_code import *
from team_code import train_models

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-d", "--data_folder", required=True)
    parser.add_argument("-m", "--model_folder", required=True)
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args(sys.argv[1:])
    train_models(args.data_folder, args.model_folder, args.verbose)
