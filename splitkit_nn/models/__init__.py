"""Whole models, and their files."""

from splitkit_nn.models.classifiers import (
    POOL as POOL,
    Classifier as Classifier,
    ConvClassifier as ConvClassifier,
    DenseClassifier as DenseClassifier,
    MultiTierClassifier as MultiTierClassifier,
)
