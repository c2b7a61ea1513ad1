"""Linear models for scikit-learn, of any loss and penalty of ``splitkit.functions``:

    min over w, b of  Σ sᵢ ℓ(yᵢ, ⟨xᵢ, w⟩ + b)/Σ sᵢ + α pen(w).

They need scikit-learn (``pip install 'splitkit[sklearn]'``); nothing else here imports it.
"""

try:
    import sklearn as sklearn
except ImportError as error:
    raise ImportError(
        "splitkit.estimators needs scikit-learn: pip install 'splitkit[sklearn]'"
    ) from error

from splitkit.estimators.classifier import Classifier as Classifier
from splitkit.estimators.model import Path as Path
from splitkit.estimators.regressor import Regressor as Regressor
