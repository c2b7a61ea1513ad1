"""The errors of ``solve``: no theorem applies, or the iteration did not do what it should."""

from splitkit.outcomes import (
    NoGuaranteeError as NoGuaranteeError,
    NotConvergedError as NotConvergedError,
    NotConvergedWarning as NotConvergedWarning,
)
