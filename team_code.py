"""The three functions that the Challenge calls.

The organisers' scripts pass nothing but folders, so a run is configured by the environment:
GIRAFFE_RECIPE, GIRAFFE_PROFILE, GIRAFFE_SEED and GIRAFFE_TIME_LIMIT_HOURS; the README has the
table.
"""

import logging

from giraffe.classifier import Classifier
from giraffe.settings import Settings
from giraffe.training import train


def train_models(data_folder, model_folder, verbose):
    """Train on a folder of records and write the model."""
    logging.basicConfig(format="%(message)s", level=logging.INFO if verbose else logging.WARNING)
    train(data_folder, model_folder, Settings.from_environment(), verbose=verbose)


def load_models(model_folder, verbose):
    """The digitization model, which this entry has not, and the classification model."""
    logging.basicConfig(format="%(message)s", level=logging.INFO if verbose else logging.WARNING)
    return None, Classifier(model_folder)


def run_models(record, digitization_model, classification_model, verbose):
    """No signals, and the labels of a record; None where it has no readable image."""
    return None, classification_model.classify_record(record)
