import json
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from api.__main__ import router_of
from geo.routers import NoWay, Point, Way
from geo.routers.cached import CachedRouter
from geo.routers.straight import DETOUR_FACTOR, StraightLines
from geo.routers.valhalla import Valhalla, decoded_shape, in_process, over_http
from runtime.settings import Settings

# The documented example of the format, whose precision is five decimals: here everything is a tenth.
GOOGLES_EXAMPLE = "_p~iF~ps|U_ulLnnqC_mqNvxq`@"
VADUZ, SCHAAN = (47.141, 9.521), (47.165, 9.508)
ANSWER = {
    "trip": {
        "legs": [{"shape": GOOGLES_EXAMPLE}, {"shape": "_ulLnnqC_mqNvxq`@"}],
        "summary": {"length": 3.2, "time": 270.0},
    }
}


def test_an_encoded_polyline_is_read() -> None:
    lats, lons = decoded_shape(GOOGLES_EXAMPLE)
    assert lats == pytest.approx([3.85, 4.07, 4.3252])
    assert lons == pytest.approx([-12.02, -12.095, -12.6453])


@pytest.mark.parametrize("shape", ["_p~iF", "_p~iF~"])
def test_a_polyline_cut_short_is_refused(shape: str) -> None:
    with pytest.raises(ValueError, match="ends early"):
        decoded_shape(shape)


def test_straight_lines_are_made_longer() -> None:
    way = StraightLines().way([(31.0, 120.0), (32.0, 120.0)])
    assert way.length_m == pytest.approx(111_195 * DETOUR_FACTOR, rel=1e-3)
    assert way.free_flow_s > way.length_m / 20


def test_the_legs_of_a_way_are_joined() -> None:
    asked: list[Any] = []

    def ask(request: Any) -> Any:
        asked.append(request)
        return ANSWER

    way = Valhalla(ask).way([VADUZ, SCHAAN])
    assert (len(way.lats), way.length_m, way.free_flow_s) == (4, 3200.0, 270.0)
    assert asked[0]["locations"][1]["lat"] == SCHAAN[0]


@pytest.mark.parametrize("answer", [{}, {"trip": {"legs": []}}, {"trip": {"legs": [{"shape": "_p~iF"}]}}, []])
def test_an_answer_that_cannot_be_used_is_no_way(answer: Any) -> None:
    with pytest.raises(NoWay):
        Valhalla(lambda _: answer).way([VADUZ, SCHAAN])


class _Engine(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = self.path == "/route" and asked["locations"][0]["lat"] > 0
        self.send_response(200 if found else 400)
        self.end_headers()
        self.wfile.write(json.dumps(ANSWER if found else {"error": "No path"}).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def engine_url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Engine)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


def test_an_engine_is_asked_over_http(engine_url: str) -> None:
    assert over_http(engine_url).way([VADUZ, SCHAAN]).length_m == 3200.0
    with pytest.raises(NoWay, match="400"):
        over_http(engine_url).way([(-1.0, 0.0), SCHAAN])


def test_an_engine_that_is_away_is_no_way(engine_url: str) -> None:
    with pytest.raises(NoWay, match="does not answer"):
        over_http("http://127.0.0.1:1", timeout_s=1.0).way([VADUZ, SCHAAN])
    with pytest.raises(ValueError, match="http"):
        over_http("file:///etc")


def test_tiles_that_are_not_there_are_no_way(tmp_path: Path) -> None:
    with pytest.raises(NoWay):
        in_process(tmp_path / "none").way([VADUZ, SCHAAN])


class _EngineOfTiles:
    """As pyvalhalla 3.2 configures itself: an empty name becomes the working directory, and reading that
    as tiles aborts the process.
    """

    configured: dict[str, Any]

    def get_config(self, tile_extract: str, tile_dir: str) -> dict[str, Any]:
        names = {"tile_extract": str(Path(tile_extract).resolve()), "tile_dir": str(Path(tile_dir).resolve())}
        return {"mjolnir": {**names, "traffic_extract": "/data/valhalla/traffic.tar", "concurrency": 1}}

    def Actor(self, config: dict[str, Any]) -> "_EngineOfTiles":
        self.configured = config["mjolnir"]
        return self


def test_only_the_tiles_named_are_given_to_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = _EngineOfTiles()
    monkeypatch.setitem(sys.modules, "valhalla", engine)
    in_process(tmp_path)
    nothing_else = {"traffic_extract": "", "concurrency": 1}
    assert engine.configured == {"tile_extract": "", "tile_dir": str(tmp_path), **nothing_else}
    packed = tmp_path / "tiles.tar"
    packed.write_bytes(b"")
    in_process(packed)
    assert engine.configured == {"tile_extract": str(packed), "tile_dir": "", **nothing_else}


class _Fickle:
    """Knows a way every second time."""

    def __init__(self) -> None:
        self.asked = 0

    def way(self, points: Sequence[Point]) -> Way:
        self.asked += 1
        if self.asked % 2:
            raise NoWay("closed")
        return Way((1.0, 2.0), (1.0, 2.0), 7.0, 7.0)


def test_ways_are_kept_and_straight_lines_are_not() -> None:
    reasons: list[str] = []
    engine = _Fickle()
    router = CachedRouter(engine, StraightLines(), reasons.append)
    lengths = [router.way([VADUZ, SCHAAN]).length_m for _ in range(4)]
    assert lengths[0] > 1000.0
    assert lengths[1:] == [7.0, 7.0, 7.0]
    assert (engine.asked, reasons) == (2, ["closed"])


def test_the_settings_choose_the_router(engine_url: str) -> None:
    assert isinstance(router_of(Settings()), StraightLines)
    assert router_of(Settings(valhalla_url=engine_url)).way([VADUZ, SCHAAN]).length_m == 3200.0
