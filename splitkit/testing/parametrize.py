"""Each property of each thing as a pytest test of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from splitkit.testing._report import label
from splitkit.testing._suite import Case, copied, suite

GIVE = "give (thing, shape, …) tuples, with the shapes and options that its check_… takes"


def parametrize_with_checks(
    things: Iterable[Case],
    *,
    max_examples: int | None = None,
    seed: int = 0,
    **options: Any,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a test that takes ``check`` and calls it: one test for each property of each thing.

    Each test starts from a copy of the thing as it is now, so that what an earlier test leaves in
    it, such as a cache, changes no outcome. A thing that cannot be copied is shared.

    Parameters
    ----------
    things : iterable of tuples
        A thing with the shapes that its ``check_…`` takes: ``(A, shape)`` for an operator or a
        function, ``(L, domain_shape, range_shape)`` for a linear map, ``(method,)``, ``(σ,)`` or
        ``(layer,)``. A dict at the end declares known failures, ``{property: reason}``: those tests
        are expected to fail, strictly.
    max_examples, seed, **options
        As for ``check_operator``.

    Raises
    ------
    TypeError
        An entry is no tuple, or not what the check of its thing takes.
    ValueError
        A declared failure names no property of its thing; the message lists those there are.

    Examples
    --------
    >>> import splitkit as sk
    >>> @parametrize_with_checks([
    ...     (sk.NormalCone(sk.functions.Box(-1.0, 1.0)), (3,)),
    ...     (sk.linear.Gradient(-1), (8,), (8, 1), {"norm": "a reason why this check has to fail"}),
    ... ])
    ... def test_mine(check):
    ...     check()
    """
    import pytest  # optional: the checks do without

    def run(thing: Any, fresh: Any, shapes: list[Any], name: str) -> None:
        __tracebackhide__ = True
        # a copy of the copy that no test uses, which would lack, too, what copying loses
        subject = thing if name == "serialization" else copied(fresh, fresh)
        suite(subject, *shapes, **options).run(max_examples, seed, name)

    parameters = []
    for entry in things:
        if not (isinstance(entry, (tuple, list)) and entry):
            raise TypeError(f"things has {label(entry)}: {GIVE}")
        thing, *shapes = entry
        failures: Mapping[str, str] = {}
        if shapes and isinstance(shapes[-1], Mapping):
            failures = shapes.pop()
        fresh = copied(thing, thing)
        try:
            names = suite(thing, *shapes, **options).names
        except TypeError as error:
            raise TypeError(f"things has {label(thing)} with {error}: {GIVE}") from error
        unknown = sorted(set(failures) - set(names))
        if unknown:
            raise ValueError(
                f"known failures {', '.join(unknown)} of {label(thing)} name no property: it has "
                f"{', '.join(names)}"
            )
        for name in names:
            marks = []
            if name in failures:
                reason = failures[name]
                marks.append(pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError))
            check = partial(run, thing, fresh, shapes, name)
            parameters.append(pytest.param(check, marks=marks, id=f"{label(thing)}-{name}"))
    return pytest.mark.parametrize("check", parameters)
