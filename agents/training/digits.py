"""The network that reads digits: a softmax regression on averaged blocks, and a perceptron on all pixels."""

import warnings

import numpy
from onnx import helper
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

import export
import samples

MODEL = samples.ROOT / "agents/vision/model/digits.onnx"
RECORD = numpy.dtype([("digit", "u1"), ("pixels", "u1", (20, 20))])
TRAIN_SEED, TRAIN_COUNT = 1, 60_000
TEST_SEED, TEST_COUNT = 1_000_001, 10_000
BLOCK = 4
HIDDEN = (64, 32)
EPOCHS = 40
SCHEDULE = {"max_iter": EPOCHS, "n_iter_no_change": EPOCHS, "random_state": 1}


def train():
    samples.placeholder(MODEL)
    pixels, labels = draw(TRAIN_SEED, TRAIN_COUNT)
    coarse = LogisticRegression(C=1.0, max_iter=300).fit(pooled(pixels), labels)
    refined = MLPClassifier(HIDDEN, batch_size=256, alpha=1e-4, **SCHEDULE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is chosen, not awaited
        refined.fit(flat(pixels), labels)
    pixels, labels = draw(TEST_SEED, TEST_COUNT)
    print(f"digits: coarse reads {coarse.score(pooled(pixels), labels):.4f} of {TEST_COUNT} unseen pictures")
    print(f"digits: refined reads {refined.score(flat(pixels), labels):.4f} of {TEST_COUNT} unseen pictures")
    write(coarse, refined)


def draw(seed, count):
    records = samples.draw("agent-vision", "draw", RECORD, seed, count)
    return records["pixels"].astype("float32") / 255, records["digit"]


def pooled(pixels):
    side = 20 // BLOCK
    return pixels.reshape(-1, side, BLOCK, side, BLOCK).mean(axis=(2, 4)).reshape(-1, side * side)


def flat(pixels):
    return pixels.reshape(-1, 400)


def write(coarse, refined):
    """Both outputs hang on the same input, and share nothing but its scaling: either can be computed alone."""
    cast = helper.make_node("Cast", ["image"], ["grey"], to=export.FLOAT, name="cast")
    scale = helper.make_node("Mul", ["grey", "scale"], ["light"], name="scale_light")
    window = {"kernel_shape": [BLOCK] * 2, "strides": [BLOCK] * 2}
    pool = helper.make_node("AveragePool", ["light"], ["blocks"], name="pool", **window)
    flatten_blocks = helper.make_node("Flatten", ["blocks"], ["coarse_input"], name="flatten_blocks")
    flatten_light = helper.make_node("Flatten", ["light"], ["refined_input"], name="flatten_light")
    regression, regression_stored = export.dense("coarse_logits", "coarse_input", coarse.coef_.T, coarse.intercept_)
    softmax = helper.make_node("Softmax", ["coarse_logits"], ["coarse"], name="coarse_softmax")
    network, network_stored = export.perceptron("refined", "refined_input", refined)
    export.save(
        MODEL,
        "digits",
        inputs=[("image", export.BYTE, ["batch", 1, 20, 20])],
        outputs=[("coarse", export.FLOAT, ["batch", 10]), ("refined", export.FLOAT, ["batch", 10])],
        nodes=[cast, scale, pool, flatten_blocks, *regression, softmax, flatten_light, *network],
        stored=[export.constant("scale", numpy.float32(1 / 255)), *regression_stored, *network_stored],
    )
