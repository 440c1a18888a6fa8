"""Where the content of a message is found again: the Book it was made from, or the inline template of a test."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

import msgspec
import redis
from django.db import DatabaseError, connection

from ingestion.log import LogUnavailable
from personalization.replaying import NotExplainable, read_book
from personalization.sealing import BadToken
from profiles import keys
from profiles.clients import AsyncClient
from rules.book import LiveBook
from rules.definitions import BlockDefinition

KEPT_BOOKS = 8  # compiled ones that are no longer in force
INLINE_S = 7 * 86_400  # how long the message of a test can be viewed in the browser


class Shelf:
    """Books by number, and inline templates by their hash, for one event loop."""

    def __init__(self, client: AsyncClient, book: Callable[[], LiveBook]) -> None:
        self._client = client
        self._book = book
        self._books: OrderedDict[int, LiveBook] = OrderedDict()

    def book(self) -> LiveBook:
        """The one in force."""
        return self._book()

    async def find_book(self, number: int) -> LiveBook:
        """Any Book that was ever published; raises BadToken when there is none, LogUnavailable when nobody can tell."""
        live = self._book()
        if live.book.number == number:
            return live
        if number not in self._books:
            self._books[number] = await asyncio.to_thread(_read_book, number)
            while len(self._books) > KEPT_BOOKS:
                self._books.popitem(last=False)
        self._books.move_to_end(number)
        return self._books[number]

    async def keep_inline(self, definition: BlockDefinition) -> str:
        """Keeps an inline template for those who view its message, and names it; raises LogUnavailable."""
        packed = msgspec.json.encode(definition)
        name = sha256(packed).hexdigest()[:32]
        try:
            await self._client.set(keys.inline_mail(name), packed, ex=INLINE_S)
        except redis.RedisError as error:
            raise LogUnavailable(f"Redis: {type(error).__name__}") from error
        return name

    async def find_inline(self, name: str) -> BlockDefinition:
        """Raises BadToken when it is no longer kept, LogUnavailable."""
        try:
            packed = await self._client.get(keys.inline_mail(name))
        except redis.RedisError as error:
            raise LogUnavailable(f"Redis: {type(error).__name__}") from error
        if packed is None:
            raise BadToken("the template of this test is no longer kept")
        return msgspec.json.decode(packed, type=BlockDefinition)


def _read_book(number: int) -> LiveBook:
    try:
        return read_book(number)
    except NotExplainable as error:
        raise BadToken(str(error)) from error
    except DatabaseError as error:
        raise LogUnavailable(f"PostgreSQL: {type(error).__name__}") from error
    finally:
        connection.close()  # of this thread, which may never be used for a Book again
