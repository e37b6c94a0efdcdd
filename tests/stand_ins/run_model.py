# A stand-in for the organisers' run_model.py: their command line only.
import argparse
import os
import sys

from helper_code import *
from team_code import load_models, run_models

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-d", "--data_folder", required=True)
    parser.add_argument("-m", "--model_folder", required=True)
    parser.add_argument("-o", "--output_folder", required=True)
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("-f", "--allow_failures", action="store_true")
    args = parser.parse_args(sys.argv[1:])
    digitization_model, classification_model = load_models(args.model_folder, args.verbose)
    for name in find_records(args.data_folder):
        record = os.path.join(args.data_folder, name)
        signals, labels = run_models(record, digitization_model, classification_model, args.verbose)
        output = os.path.join(args.output_folder, name)
        os.makedirs(os.path.dirname(output), exist_ok=True)
        save_header(output, load_header(record))
        assert signals.shape == (5000, 12)
        if labels is not None:
            save_labels(output, labels)
