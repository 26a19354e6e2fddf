"""scripts/bench plan measures what it says."""

from scripts.lib.bench_plan import measure


async def test_every_target_of_a_stage_is_asked() -> None:
    figures = await measure(3)
    assert 0.0 < figures.first_s <= figures.last_s
