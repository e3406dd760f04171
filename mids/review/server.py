"""The page's server: this machine only, a secret in the address, and nothing asked of any other server."""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mids.analysis.agreement import measure_agreement
from mids.deid.burned.glyphs import text_boxes
from mids.errors import DataError, MidsError
from mids.readers.given.curation import Correction
from mids.review.decisions import FIELDS, Decisions
from mids.review.items import KINDS, Shelf
from mids.review.pixels import read_frame, read_mask, to_eight_bits
from mids.review.planned import open_decisions, save_plan
from mids.run.decided.choices import read_rows
from mids.vocabulary.schema import load

_PAGE = Path(__file__).with_name("page")
_FILES = {"": ("review.html", "text/html"), "review.js": ("review.js", "text/javascript"),
          "viewer.js": ("viewer.js", "text/javascript"), "review.css": ("review.css", "text/css")}  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
}  # fmt: skip
_TEXTS = ("who", "file", "field", "why")
"""What an act says in texts."""

_LISTS = {"view": "view_positions", "body_part": "body_parts", "laterality": "laterality"}


class Desk:
    """One review: the items of a dataset or a plan, what was decided of them, and the secret that opens the page."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.token = secrets.token_urlsafe(24)
        self._dataset = shelf.opened
        self._by_hand: tuple[Correction, ...] = ()
        if shelf.plan:
            self.decisions, self._by_hand = open_decisions(shelf, shelf.plan)
        else:
            self.decisions = Decisions(shelf.dataset, shelf.items)

    def app(self) -> Starlette:
        """The application; every answer but that of the page's own files needs the secret."""
        routes = [
            Route("/", self._file), Route("/{name}", self._file),
            Route("/api/items", self._guarded(self._items)),
            Route("/api/decide", self._guarded(self._decide), methods=["POST"]),
            Route("/api/undo", self._guarded(self._undo), methods=["POST"]),
            Route("/api/pixels/{number:int}", self._guarded(self._pixels)),
            Route("/api/mask/{number:int}", self._guarded(self._mask)),
            Route("/api/text/{number:int}", self._guarded(self._text)),
        ]  # fmt: skip
        hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        return Starlette(routes=routes, middleware=[hosts])

    def _guarded(self, answer: Callable[[Request, Mapping[str, Any]], Response]) -> Any:
        async def guarded(request: Request) -> Response:
            if not self._knows(request.headers.get("x-token", "")):
                raise HTTPException(403)
            body = _read_act(await request.body()) if request.method == "POST" else {}
            try:
                found = answer(request, body)
            except (MidsError, DataError) as error:
                # a picture that can't be shown is no fault: browsers write every 4xx to their console
                found = JSONResponse({"error": str(error)}, status_code=409 if request.method == "POST" else 200)
                found.headers["X-Refused"] = "1"
            found.headers.update(_HEADERS)
            return found

        return guarded

    def _knows(self, token: str) -> bool:
        return secrets.compare_digest(token.encode("utf-8", "surrogateescape"), self.token.encode())

    async def _file(self, request: Request) -> Response:
        name = request.path_params.get("name", "")
        if name not in _FILES:
            raise HTTPException(404)
        if not name and not self._knows(request.query_params.get("token", "")):
            raise HTTPException(403, "the address lacks its token: copy the whole line that mids review printed")
        file, kind = _FILES[name]
        return Response((_PAGE / file).read_bytes(), media_type=kind, headers=_HEADERS)

    def _items(self, request: Request, _: Mapping[str, Any]) -> Response:
        self.decisions.read()
        schema = load()
        lists = {field: sorted(schema.code_lists[name].codes) for field, name in _LISTS.items()}
        items = [
            {
                "number": item.number, "kind": item.kind, "file": item.file, "image": item.image, "title": item.title,
                "reason": item.reason, "values": dict(item.values), "facts": dict(item.facts), "twin": item.twin,
                "homes": dict(item.homes),
            }
            for item in self.shelf.items
        ]  # fmt: skip
        content = {"items": items, "kinds": KINDS, "lists": lists, "fields": FIELDS,
                   "name": self._dataset.name if self._dataset else self.shelf.dataset.name,
                   "table": self.shelf.plan.name if self.shelf.plan else "curation.tsv",
                   "run": "mids-convert … --plan" if self.shelf.plan else "mids-convert --again"}  # fmt: skip
        return JSONResponse({**content, **self._state()})

    def _decide(self, _: Request, body: Mapping[str, Any]) -> Response:
        self.decisions.add(
            str(body.get("who", "")), str(body.get("file", "")), str(body.get("field", "")), body.get("new"),
            str(body.get("why", "")), judge=bool(body.get("judge")),
        )  # fmt: skip
        return self._saved()

    def _undo(self, _: Request, body: Mapping[str, Any]) -> Response:
        file = self.decisions.undo(str(body.get("who", "")))
        return self._saved(undone=file)

    def _saved(self, **more: Any) -> Response:
        """What holds now, once the table of corrections says it."""
        if self.shelf.plan:
            save_plan(self.shelf.plan, self.decisions.merge(self._by_hand))
        else:
            self.decisions.save(read_rows(self.shelf.choices.values.get("curation")))
        return JSONResponse({**self._state(), **more})

    def _state(self) -> dict[str, Any]:
        disputes = [{"file": d.file, "field": d.field, "said": dict(d.said)} for d in self.decisions.disputes()]
        state = self.decisions.state()
        return {
            "state": state, "judged": self.decisions.state(judges=True), "disputes": disputes,
            "kappa": _kappa(state), "rows": sum(1 for _ in self.decisions.corrections()),
        }  # fmt: skip

    def _pixels(self, request: Request, _: Mapping[str, Any]) -> Response:
        side = request.query_params.get("side")
        frame = read_frame(
            self.shelf, self._item(request), _number(request), source=side == "source", twin=side == "twin"
        )
        rows, columns = frame.pixels.shape[:2]
        head = {
            "rows": rows, "columns": columns, "frame": frame.number, "frames": frame.count, "spacing": frame.spacing,
            "colour": frame.pixels.ndim == 3, "window": frame.window,
        }  # fmt: skip
        return Response(
            frame.pixels.tobytes(), media_type="application/octet-stream", headers={"X-Frame": json.dumps(head)}
        )

    def _mask(self, request: Request, _: Mapping[str, Any]) -> Response:
        item = self._item(request)
        found = self._dataset.mask(item.image) if self._dataset and item.image else None
        plane = read_mask(self.shelf, item, found, _number(request))
        if plane is None:
            return Response(status_code=204)
        head = {"rows": plane.shape[0], "columns": plane.shape[1]}
        return Response(plane.tobytes(), media_type="application/octet-stream", headers={"X-Frame": json.dumps(head)})

    def _text(self, request: Request, _: Mapping[str, Any]) -> Response:
        """Boxes of suspected text, by the shapes of letters."""
        frame = read_frame(self.shelf, self._item(request), _number(request), source=True)
        return JSONResponse({"boxes": [list(map(int, box)) for box in text_boxes(to_eight_bits(frame))]})

    def _item(self, request: Request) -> Any:
        number = request.path_params["number"]
        if not 0 <= number < len(self.shelf.items):
            raise HTTPException(404)
        return self.shelf.items[number]


def _read_act(content: bytes) -> Mapping[str, Any]:
    """What a page sends, `content` in JSON; the browser is told (400) where it is not what the page sends."""
    try:
        act = json.loads(content)
        content.decode("utf-8")
        json.dumps(act, ensure_ascii=False).encode("utf-8")  # half of a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the request is not JSON in UTF-8") from error
    if not isinstance(act, dict) or not all(isinstance(act.get(name, ""), str) for name in _TEXTS):
        raise HTTPException(400, f"the request is not an object with the texts {', '.join(_TEXTS)}")
    new = act.get("new")
    if not (_are_boxes(new) if act.get("field") == "redact" else isinstance(new, str | None)):
        raise HTTPException(400, "new is neither a text nor, for redact, a list of boxes of four whole numbers")
    return act


def _are_boxes(new: Any) -> bool:
    """Whether a value is a list of boxes, or none."""
    boxes = [] if new is None else new
    return isinstance(boxes, list) and all(
        isinstance(box, list) and len(box) == 4 and all(type(number) is int for number in box) for box in boxes
    )


def _number(request: Request) -> int:
    text = request.query_params.get("frame", "-1")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else -1


def _kappa(state: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> float | None:
    """Cohen's kappa of what people say of the items that two of them have seen; None where nothing says."""
    rows = [
        (file, who, json.dumps([f"{field} {json.dumps(own[field])}" for field in own if field in FIELDS]))
        for file, people in state.items()
        for who, own in people.items()
        if own
    ]
    table = pd.DataFrame(rows, columns=["filename", "reader", "labels"])
    try:
        value = measure_agreement(table).kappa
    except MidsError:
        return None
    return round(value, 3) if value == value else None
