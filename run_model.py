#!/usr/bin/env python
"""Run the Challenge entry: `python run_model.py -d DATA -m MODEL -o OUTPUTS [-v] [-f]`."""

import argparse
import os
import sys

from giraffe.commands.commandline import parse_folders
from helper_code import (
    find_records,
    get_variables,
    load_header,
    save_header,
    save_labels,
    save_signals,
    substring_labels,
)
from team_code import load_models, run_models


def get_parser():
    parser = argparse.ArgumentParser(description="Run the trained Challenge models.")
    parser.add_argument("-d", "--data_folder", help="folder with the records to classify")
    parser.add_argument("-m", "--model_folder", help="folder with the trained model")
    parser.add_argument("-o", "--output_folder", help="folder for the labels")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what is going on")
    parser.add_argument(
        "-f", "--allow_failures", action="store_true", help="go on where a record fails"
    )
    return parser


def run(args):
    def say(text):
        if args.verbose:
            print(text, flush=True)

    say("Loading the Challenge model...")
    digitization_model, classification_model = load_models(args.model_folder, args.verbose)

    say("Finding the Challenge data...")
    records = find_records(args.data_folder)
    if not records:
        raise Exception("No data were provided.")

    os.makedirs(args.output_folder, exist_ok=True)
    say("Running the Challenge model(s) on the Challenge data...")
    width = len(str(len(records)))
    leak_noticed = False
    for i, name in enumerate(records, start=1):
        say(f"- {i:>{width}}/{len(records)}: {name}...")
        record = os.path.join(args.data_folder, name)
        try:
            signals, labels = run_models(
                record, digitization_model, classification_model, args.verbose
            )
        except Exception:
            if not args.allow_failures:
                raise
            say("... failed.")
            signals, labels = None, None

        header = load_header(record)
        if labels is not None and not leak_noticed and get_variables(header, substring_labels)[1]:
            leak_noticed = True
            print(
                f"Warning: the header of {name} already has labels; they stay in the output and "
                "leak into its score. Hide the data first: python -m giraffe hide.",
                file=sys.stderr,
            )
        output = os.path.join(args.output_folder, name)
        os.makedirs(os.path.dirname(output), exist_ok=True)
        save_header(output, header)
        if signals is not None:
            comments = [line for line in header.split("\n") if line.startswith("#")]
            save_signals(output, signals, comments)
        if labels is not None:
            save_labels(output, labels)
    say("Done.")


if __name__ == "__main__":
    run(parse_folders(get_parser(), ("model_folder", "data_folder", "output_folder")))
