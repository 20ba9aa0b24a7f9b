"""Options that both commands have: where the broker and the API are, and what we may do there."""

from typing import Annotated

import typer

DEFAULT_API_URL = "http://127.0.0.1:8080"

MqttUrl = Annotated[str, typer.Option(help="The broker: mqtt://user:password@host:port")]
ApiUrl = Annotated[str, typer.Option(help="The API's address.")]
AdminToken = Annotated[str, typer.Option(help="A token that may register things.")]
