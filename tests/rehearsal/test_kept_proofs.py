"""Proofs are kept on this machine, the newest of each service."""

import os
from pathlib import Path

import pytest

from ninelives.rehearsal import kept_proofs
from ninelives.rehearsal.kept_proofs import keep_proof, kept_proof, place_of

ARN = "arn:aws:ecs:eu-west-1:123456789012:service-deployment/shop/{}/{}"


def test_of_each_service_the_newest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_proofs, "KEPT_MOST", 3)
    names = [ARN.format("cats", number) for number in range(5)]
    other = ARN.format("dogs", 0)
    keep_proof(other, {"lost": 0}, tmp_path)
    for age, name in enumerate(names):
        keep_proof(name, {"lost": age}, tmp_path)
        os.utime(place_of(name, tmp_path).with_suffix(".json"), ns=(age * 10**9, age * 10**9))

    keep_proof(ARN.format("cats", 5), {"lost": 5}, tmp_path)

    assert [kept_proof(name, tmp_path) for name in names] == [None, None, None, {"lost": 3}, {"lost": 4}]
    assert kept_proof(other, tmp_path) == {"lost": 0}
