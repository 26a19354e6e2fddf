"""The simulated UPS misbehaves as asked, and only then."""

import pytest

from custom_components.omron_ups.driver.errors import DeviceNotFoundError, TransportError
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps

from .simulated import Clock, ask, make_ups, status

Q1 = b"(103.7 000.0 103.8 012 50.1 13.7 25.9 00101000\r"

# kind, request, what goes over the wire instead
WIRE = [
    (FaultKind.SHORT, "Q1", b"(103.7 000.0 103.8 012 \r"),
    (FaultKind.NO_CR, "Bl ?", b"100"),
    (FaultKind.NUL_PADDING, "Q1", Q1 + bytes(17)),
    (FaultKind.GARBAGE_AFTER_CR, "Bl ?", b"100\r(\xff7 "),
    (FaultKind.GARBLED, "Bl ?", b"1\xb00\r"),
    (FaultKind.WRONG_FIELD_COUNT, "Q1", b"(103.7 000.0 103.8 012 50.1 13.7 25.9\r"),
    (FaultKind.NON_BINARY_STATUS, "Q1", Q1.replace(b"00101000", b"00101200")),
    (FaultKind.DASHES, "Q1", b"(---.- ---.- ---.- --- --.- --.- --.- 00101000\r"),
    (FaultKind.DASHES, "TPb", b"+--.-\r"),
    (FaultKind.NAK, "Q1", b"NAK\r"),
    (FaultKind.ECHO, "Bl ?", b"Bl ?\r"),
    (FaultKind.ODD_ACK, "C", b"OKn\r"),
    (FaultKind.ODD_ACK, "Bl ?", b"100\r"),
    (FaultKind.EMPTY, "Bl ?", b"\0\r"),
    (FaultKind.ZERO_LENGTH, "Bl ?", b""),
    (FaultKind.SILENCE, "Bl ?", None),
    (FaultKind.LOST_REQUEST, "Bl ?", None),
    (FaultKind.LATE, "Bl ?", None),
    (FaultKind.REPEAT_PREVIOUS, "Bl ?", Q1),
    (FaultKind.SPLIT, "Q1", Q1),
    (FaultKind.GLUED, "Bl ?", b"100\r" + Q1),
    (FaultKind.CF_MISSING, "CF3", b"NAK\r"),
    (FaultKind.CF_40_BYTES, "CF5", b"00000000 00011000 00000000 00000000 *5 \r"),
    (FaultKind.CF_ZERO, "CF2", b"00000000 00000000 00000000 00000000 *2\r"),
    (FaultKind.CF_WRONG_PAGE, "CF5", b"00000000 00011000 00000000 00000000 *9\r"),
    (FaultKind.FLICKER, "Q1", Q1.replace(b"00101000", b"10101000")),
    (FaultKind.PENDING_STUCK, "Q1", Q1.replace(b"00101000", b"00101010")),
    (FaultKind.FROZEN, "Q1", Q1),
    (FaultKind.CHARGE_101, "Bl ?", b"101\r"),
    (FaultKind.RUNTIME_9999, "RTS", b"9999\r"),
    (FaultKind.IMPOSSIBLE_DATE, "BRR", b"20260230\r"),
    (FaultKind.BLANK_SERIAL, "PSNR", b" " * 16 + b"\r"),
    (FaultKind.UN_SEPARATORS, "UN", b"0340W,0550VA,024V,040W,005W\r"),
    (FaultKind.CONTROL_SERIAL, "PSNR", b"\x01\x02" * 8 + b"\r"),
    (FaultKind.UNSIGNED_TEMPERATURE, "TPb", b"19.8\r"),
    (FaultKind.CF_CLAIMS_ALL, "CF3", b"11111111 11111111 11111111 11111111 *3\r"),
    (FaultKind.CF_DENIES_ALL, "CF", b"10000000 00000000 00000000 00000000 *1\r"),
    (FaultKind.CF_DENIES_ALL, "CF4", b"00000000 00000000 00000000 00000000 *4\r"),
    (FaultKind.UNPLUG, "Q1", None),
    (FaultKind.IO_ERROR, "Q1", None),
]


@pytest.fixture
def ups() -> SimulatedUps:
    return make_ups()


@pytest.mark.parametrize(("kind", "request_", "wire"), WIRE)
def test_each_fault_hits_once_and_is_over(kind: FaultKind, request_: str, wire: bytes) -> None:
    ups = make_ups("everything" if kind is FaultKind.IMPOSSIBLE_DATE else "bw55t")
    ask(ups, "Q1")
    ups.inject(Fault(kind=kind, count=1))
    assert ups.faults
    assert ups.handle(request_.encode()) == wire
    assert not ups.faults
    ups.clear_faults()
    assert b"\r" in (ups.handle(request_.encode()) or b"")


def test_every_fault_is_tried_above() -> None:
    assert {kind for kind, _, _ in WIRE} == set(FaultKind)


@pytest.mark.parametrize(
    ("kind", "arrives", "obeyed"),
    [
        (FaultKind.SILENCE, True, True),
        (FaultKind.GARBLED, True, True),
        (FaultKind.NAK, True, False),
        (FaultKind.ECHO, True, False),
        (FaultKind.LOST_REQUEST, False, False),
    ],
)
def test_a_refusal_is_one_and_a_lost_answer_is_not(
    ups: SimulatedUps, kind: FaultKind, arrives: bool, obeyed: bool
) -> None:
    ups.inject(Fault(kind=kind, request="Af", count=1))
    ups.handle(b"Af\r")
    assert (b"Af\r" in ups.requests) is arrives
    assert ups.settings.auto_restart is not obeyed


def test_a_fault_spares_what_it_is_not_for(ups: SimulatedUps) -> None:
    ups.inject(Fault(kind=FaultKind.CHARGE_101))
    ups.inject(Fault(kind=FaultKind.NAK, request="Bld ?"))
    assert ask(ups, "Bld ?") == "NAK"
    assert ask(ups, "Rbv ?") == "000"
    assert ask(ups, "Bl ?") == "101"
    ups.clear_faults()
    assert ask(ups, "Bl ?") == "100"


def test_a_counted_fault_counts_only_what_it_hits(ups: SimulatedUps) -> None:
    ups.inject(Fault(kind=FaultKind.FLICKER, count=3))
    seen = []
    for _ in range(5):
        ask(ups, "Bl ?")
        seen.append(status(ups)[0])
    assert seen == ["1", "1", "1", "0", "0"]


def test_a_flicker_shows_mains_during_an_outage(ups: SimulatedUps) -> None:
    ups.cut_mains()
    ups.inject(Fault(kind=FaultKind.FLICKER))
    assert status(ups)[0] == "0"


def test_a_fault_with_a_probability_hits_now_and_then(ups: SimulatedUps) -> None:
    ups.inject(Fault(kind=FaultKind.NAK, probability=0.5))
    replies = [ask(ups, "Bl ?") for _ in range(40)]
    assert 5 < replies.count("NAK") < 35
    assert ups.faults


def test_faults_combine(ups: SimulatedUps) -> None:
    ups.inject(Fault(kind=FaultKind.NAK))
    ups.inject(Fault(kind=FaultKind.NUL_PADDING))
    assert ups.handle(b"Q1") == b"NAK\r" + bytes(60)


def test_a_late_reply_comes_before_the_next_one(ups: SimulatedUps) -> None:
    ups.inject(Fault(kind=FaultKind.LATE, count=1))
    assert ups.deliver(b"Q1") == ()
    assert ups.deliver(b"Bl ?") == (Q1, b"100\r")
    assert ups.deliver(b"Bl ?") == (b"100\r",)


def test_a_late_reply_comes_even_before_a_silent_acceptance() -> None:
    ups = make_ups("generic-megatec")
    ups.inject(Fault(kind=FaultKind.LATE, count=1))
    ups.handle(b"F\r")
    assert ups.handle(b"C\r") == b"#100.0 008 24.00 50.0\r"


def test_a_split_reply_comes_in_pieces_of_eight(ups: SimulatedUps) -> None:
    ups.inject(Fault(kind=FaultKind.SPLIT))
    pieces = ups.deliver(b"Q1")
    assert [len(piece) for piece in pieces] == [8, 8, 8, 8, 8, 7]
    assert b"".join(pieces) == Q1


def test_repeating_and_gluing_need_something_before(ups: SimulatedUps) -> None:
    ups.inject(Fault(kind=FaultKind.REPEAT_PREVIOUS, count=1))
    assert ups.handle(b"Bl ?") == b"100\r"
    ups = make_ups()
    ups.inject(Fault(kind=FaultKind.GLUED, count=1))
    assert ups.handle(b"Bl ?") == b"100\r100\r"


def test_frozen_values_stay_while_the_unit_goes_on() -> None:
    clock = Clock()
    ups = make_ups(clock=clock)
    ups.inject(Fault(kind=FaultKind.FROZEN))
    before = ask(ups, "Q1")
    ups.cut_mains()
    clock.now += 60
    assert ask(ups, "Q1") == before
    ups.clear_faults()
    assert status(ups)[0] == "1"


def test_an_unplugged_unit_is_gone_until_it_is_back(ups: SimulatedUps) -> None:
    ups.inject(Fault(kind=FaultKind.UNPLUG, request="Q1", count=1))
    with pytest.raises(DeviceNotFoundError, match="unplugged"):
        ups.deliver(b"Q1")
    assert not ups.plugged_in
    assert ups.handle(b"Q1") is None
    with pytest.raises(DeviceNotFoundError):
        ups.require_link()
    ups.replug()
    assert ups.handle(b"Q1") == Q1


def test_what_was_on_its_way_is_lost_with_the_cable(ups: SimulatedUps) -> None:
    ups.inject(Fault(kind=FaultKind.LATE, count=1))
    ups.handle(b"Q1")
    ups.unplug()
    ups.replug()
    assert ups.handle(b"Bl ?") == b"100\r"


def test_an_io_error_is_one_of_the_link(ups: SimulatedUps) -> None:
    ups.inject(Fault(kind=FaultKind.IO_ERROR, count=1))
    with pytest.raises(TransportError, match="I/O"):
        ups.deliver(b"Q1")
    assert ups.handle(b"Q1") == Q1


def test_a_dark_usb_unit_vanishes_and_a_dark_serial_one_is_silent() -> None:
    for model, vanishes in (("bw55t", True), ("bn75t-serial", False)):
        ups = make_ups(model)
        ups.answers_while_dark = False
        ups.cut_mains()
        ups.charge = 0
        if vanishes:
            with pytest.raises(DeviceNotFoundError, match="switched off"):
                ups.deliver(b"Q1")
        else:
            assert ups.deliver(b"Q1") == ()


def test_a_lost_acknowledgement_is_not_a_lost_command(ups: SimulatedUps) -> None:
    ups.inject(Fault(kind=FaultKind.SILENCE, request="S.5", count=1))
    assert ups.handle(b"S.5") is None
    assert status(ups)[6] == "1"


@pytest.mark.parametrize(("count", "probability"), [(0, 1.0), (None, 0.0), (None, 1.1)])
def test_a_fault_that_cannot_hit_is_refused(count: int | None, probability: float) -> None:
    with pytest.raises(ValueError, match=r"times is none|probability"):
        Fault(kind=FaultKind.NAK, count=count, probability=probability)


def test_the_same_seed_gives_the_same_misfortune() -> None:
    def replies() -> list[bytes | None]:
        ups = SimulatedUps(seed=7)
        ups.inject(Fault(kind=FaultKind.NAK, probability=0.3))
        return [ups.handle(b"Bl ?") for _ in range(20)]

    assert replies() == replies()
