import os
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse
from wmda_auth import WmdaAuth

auth = WmdaAuth(*(os.environ[name] for name in ("PUBLIC_URL", "TENANT", "AUDIENCE", "ALGORITHM")))
api = FastAPI()


@api.get("/")
def search(caller: Annotated[dict, Depends(auth.requires(os.environ["ROLE"]))]):
    return PlainTextResponse(caller["sub"])
