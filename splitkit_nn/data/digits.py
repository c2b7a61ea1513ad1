"""The handwritten digits that come with scikit-learn: 1,797 images of 8 × 8, no download.

The split is fixed: 75 % to train on and 25 % to test, stratified, with seed 0.
"""

from __future__ import annotations

import numpy as np
import torch

from splitkit_nn.data.dataset import Dataset

LARGEST_PIXEL = 16.0
CLASSES = 10


def load_digits() -> Dataset:
    """Load scikit-learn's digits, always with the same split.

    Returns
    -------
    Dataset
        Images of shape (samples, 1, 8, 8) with pixels in [0, 1], on the CPU: 1,347 to train on
        and 450 to test.
    """
    # Imported here, since scikit-learn takes a second that no other data set should pay.
    from sklearn import datasets, model_selection

    pixels, labels = datasets.load_digits(return_X_y=True)
    images = torch.from_numpy((pixels / LARGEST_PIXEL).astype(np.float32).reshape(-1, 1, 8, 8))
    targets = torch.from_numpy(labels.astype(np.int64))
    train, test = model_selection.train_test_split(
        np.arange(len(labels)), test_size=0.25, stratify=labels, random_state=0
    )
    return Dataset("digits", images[train], targets[train], images[test], targets[test], CLASSES)
