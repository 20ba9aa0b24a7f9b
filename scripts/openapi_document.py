"""Print the OpenAPI document, from which the types of web/ are made; no server and no database are needed."""

import json
import sys

from api.__main__ import system_sources
from api.app import ApiConfig, create_app
from store.cipher import Cipher

config = ApiConfig(database_url="", admin_token=None, cipher=Cipher(bytes(32)), newest_migration=0)
json.dump(create_app(config, system_sources()).openapi(), sys.stdout, indent=1, sort_keys=True)
