"""`shopkeeper calibrate`: the curve that is drawn is the curve that was fitted."""

from __future__ import annotations

import re

from bot.commands.calibrating import curve_svg
from retrieval.regression import CurvePoint


def test_the_curve_runs_from_few_sure_answers_to_all_of_them() -> None:
    curve = (CurvePoint(0.1, 1.0, 0.7), CurvePoint(0.5, 0.6, 0.85), CurvePoint(0.9, 0.2, 1.0))
    drawn = curve_svg({"search": curve}, "<golden> & more")
    (points,) = re.findall(r'<polyline points="([^"]+)"', drawn)
    x, y = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
    assert list(x) == sorted(x, reverse=True), "coverage to the right"
    assert list(y) == sorted(y, reverse=True), "precision upwards"
    assert "&lt;golden&gt; &amp; more" in drawn
