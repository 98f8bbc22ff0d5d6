"""The network that tells what a sentence asks: a perceptron on hashed features of unit length."""

import warnings

import numpy
from onnx import helper
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import export
import samples

MODEL = samples.ROOT / "agents/language/model/intents.onnx"
DIMENSIONS = 512
INTENTS = 8
RECORD = numpy.dtype([("intent", "u1"), ("features", "<f4", DIMENSIONS)])
TRAIN_SEED, TRAIN_COUNT = 1, 20_000
TEST_SEED, TEST_COUNT = 1_000_001, 5_000
HIDDEN = (32,)
EPOCHS = 20
SMALL = numpy.float32(1e-6)
SCHEDULE = {"max_iter": EPOCHS, "n_iter_no_change": EPOCHS, "random_state": 1}


def train():
    samples.placeholder(MODEL)
    features, labels = write_sentences(TRAIN_SEED, TRAIN_COUNT)
    network = MLPClassifier(HIDDEN, batch_size=128, alpha=1e-3, **SCHEDULE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is chosen, not awaited
        network.fit(features, labels)
    for name, flags in (("sentences of an unseen seed", []), ("sentences in held-out wordings", ["--held-out"])):
        score = network.score(*write_sentences(TEST_SEED, TEST_COUNT, *flags))
        print(f"intents: understands {score:.4f} of {TEST_COUNT} {name}")
    write(network)


def write_sentences(seed, count, *flags):
    records = samples.draw("agent-language", "write", RECORD, seed, count, "--features", *flags)
    features = records["features"]
    return features / (numpy.linalg.norm(features, axis=1, keepdims=True) + SMALL), records["intent"]


def write(network):
    length = helper.make_node("ReduceL2", ["features"], ["length"], axes=[1], keepdims=1, name="length")
    positive = helper.make_node("Add", ["length", "small"], ["divisor"], name="positive")
    unit = helper.make_node("Div", ["features", "divisor"], ["unit_features"], name="unit")
    layers, stored = export.perceptron("intents", "unit_features", network)
    export.save(
        MODEL,
        "intents",
        inputs=[("features", export.FLOAT, ["batch", DIMENSIONS])],
        outputs=[("intents", export.FLOAT, ["batch", INTENTS])],
        nodes=[length, positive, unit, *layers],
        stored=[export.constant("small", SMALL), *stored],
    )
