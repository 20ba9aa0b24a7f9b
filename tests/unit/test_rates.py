from api.rates import Buckets, Rate


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    now = [0.0]
    buckets = Buckets(Rate(per_s=2.0, burst=3.0), lambda: now[0])
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    now[0] = 0.5
    assert [buckets.take("a"), buckets.take("a")] == [0.0, 0.5]
    now[0] = 100.0
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_what_is_refused_takes_nothing_and_others_are_not_held_up() -> None:
    now = [0.0]
    buckets = Buckets(Rate(per_s=1.0, burst=1.0), lambda: now[0])
    assert buckets.take("a") == 0.0
    assert {buckets.take("a") for _ in range(100)} == {1.0}
    assert buckets.take("b") == 0.0
    now[0] = 1.0
    assert buckets.take("a") == 0.0


def test_the_one_who_asked_least_lately_is_forgotten() -> None:
    buckets = Buckets(Rate(per_s=1.0, burst=1.0), lambda: 0.0, most_known=2)
    assert [buckets.take(name) for name in ("a", "b", "c")] == [0.0, 0.0, 0.0]
    assert buckets.take("c") == 1.0
    assert buckets.take("a") == 0.0
