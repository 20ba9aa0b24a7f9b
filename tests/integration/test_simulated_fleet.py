"""Three simulated weeks of a fleet, estimated by the functions that run live."""

from __future__ import annotations

from bench.eta import fleet


def test_nine_of_ten_arrivals_come_before_p90_after_two_weeks_of_learning() -> None:
    scored = fleet.run(lambda share: None)
    assert scored["n"] > 5000
    assert 0.87 <= scored["coverage_p90"] <= 0.93
    assert scored["late_risk_alerts"] > 0
    assert scored["late_risk_median_lead_min"] > 15.0
