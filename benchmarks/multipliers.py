"""What searched multipliers gain on trained models, beside one number for all and the product.

    python benchmarks/multipliers.py MODEL … [--data DIR] [--samples 500] [--digits] [--units 600]

MODEL is a directory of ``python -m splitkit_nn train``, or the file of the paper's released dense
model, ``mnist_fc_model_trained.pt`` of its code. ``--units`` also trains a dense model of so many
units on MNIST for a few epochs, ``--digits`` the classifiers of ``robustness.py`` on scikit-learn's
digits. Printed is by what factor the constants γ of the pairs of classes are smaller by the search
than ‖w‖‖U‖/m, and than those of the best Λ = tI with ρ = ‖U‖²/2m (``bounds.scalar``); geometric
means. Radii are medians over the first test images that are classified rightly, in ℓ2, of pixels
in [0, 1].
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from time import process_time

import robustness
import torch

import splitkit_nn as sknn
from splitkit_nn.certify.readout import readout_rows
from splitkit_nn.data import Dataset, load_digits
from splitkit_nn.linear.bounds.scalar import scalar_bounds
from splitkit_nn.models import Classifier
from splitkit_nn.training.recipes import dense, find_recipe
from splitkit_nn.training.schedule import Cosine
from splitkit_nn.training.subject import subject_of_run
from splitkit_nn.training.trainer import Trainer

ENOUGH = 200  # steps of conjugate gradients for Λ = tI


def row_of(name: str, model: Classifier, dataset: Dataset, samples: int) -> str:
    """The table's line of a model."""
    x, y = dataset.test_x[:samples], dataset.test_y[:samples]
    inputs = dataset.normalization(x, torch.float64)
    started = process_time()
    found = sknn.certify_robustness(model, inputs, y, scale=torch.tensor(dataset.normalization.std))
    seconds = process_time() - started
    twin = model.double()
    layer, p = twin.layer, twin.layer.parametrization
    with torch.no_grad():
        rows = readout_rows(twin, layer(twin.inputs(inputs[:2])))
    first, second = torch.triu_indices(len(rows), len(rows), 1)
    signs = torch.eye(len(rows), dtype=torch.float64)
    one = scalar_bounds(
        p.operator(exact=True),
        p.input_norm(),
        layer.activation.mask,
        rows,
        signs[first] - signs[second],
        x[0].numel(),
        steps=ENOUGH,
    )
    of_one, of_product = (
        float((each / found.bounds.l2).log().mean().exp()) for each in (one.l2, one.simple)
    )
    right = found.correct
    return (
        f"| {name} | {100 * float(right.double().mean()):.1f} % | {of_product:.2f} | {of_one:.2f} "
        f"| {float(found.l2[right].median()):.3f} | {float(found.simple[right].median()):.3f} "
        f"| {float(found.linf[right].median()):.4f} | {seconds:.0f} s |"
    )


def wide(units: int, epochs: int, data: Path) -> tuple[Classifier, Dataset]:
    """A dense model of so many units, trained on MNIST."""
    recipe = find_recipe("mnist-dense")
    build = dense(units).build
    recipe = replace(
        recipe, build=lambda recipe: build(recipe, 1, 28), epochs=epochs, schedule=Cosine()
    )
    trainer = Trainer(recipe, recipe.load(data), torch.device("cpu"))
    for _ in range(epochs):
        trainer.run_epoch(lambda epoch, step: None)
    assert isinstance(trainer.model, Classifier)
    return trainer.model.eval(), trainer.dataset


def main() -> None:
    """Print a row for each model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", type=Path, nargs="*")
    parser.add_argument("--data", type=Path, help="where the images lie, or now lie")
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--digits", action="store_true")
    parser.add_argument("--units", type=int, nargs="*", default=[])
    parser.add_argument("--epochs", type=int, default=2, help="of the models of --units")
    options = parser.parse_args()
    if options.units and options.data is None:
        parser.error("--units needs --data DIR, with MNIST's files")
    heads = "model", "accuracy", "over the product", "over one number", "radius"
    heads += "margin/(2γ)", "ℓ∞ radius", "CPU time"
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for path in options.models:
        if path.is_dir():
            subject = subject_of_run(path, data=options.data)
            name, found, dataset = subject.name, subject.model, subject.dataset
        else:
            name, found = "released", sknn.load_reference(path)
            dataset = find_recipe("mnist-dense").load(options.data)
        assert isinstance(found, Classifier)
        assert dataset is not None
        print(row_of(name, found.eval(), dataset, options.samples), flush=True)
    for name, build in robustness.MODELS.items() if options.digits else ():
        torch.manual_seed(0)
        made, dataset = build(), load_digits()
        if isinstance(made, Classifier):
            robustness.learn(made, dataset.train_x, dataset.train_y)
            print(row_of(f"{name}, digits", made.eval(), dataset, options.samples), flush=True)
    for units in options.units:
        model, dataset = wide(units, options.epochs, options.data)
        name = f"dense, {units} units, {options.epochs} epochs"
        print(row_of(name, model, dataset, options.samples), flush=True)


if __name__ == "__main__":
    main()
