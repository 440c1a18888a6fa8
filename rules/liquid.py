"""Liquid within bounds: which tags there are, what a template sees, and what it may spend before it is stopped."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from io import StringIO
from time import thread_time
from typing import Any, NamedTuple, NoReturn, TextIO
from zoneinfo import ZoneInfo

import liquid
from liquid import Markup, Mode, Token, TokenStream
from liquid.ast import BlockNode, Node
from liquid.builtin.expressions import Identifier, LoopExpression, StringLiteral, parse_primitive
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.capture_tag import CaptureNode, CaptureTag
from liquid.builtin.tags.for_tag import ForNode, ForTag
from liquid.context import RenderContext
from liquid.exceptions import LiquidError, LiquidSyntaxError, LoopIterationLimitError, ResourceLimitError
from liquid.output import LimitedStringIO
from liquid.token import TOKEN_EOF, TOKEN_TAG
from liquid.undefined import UNDEFINED, Undefined
from liquid.utils import ReadOnlyChainMap

from profiles.profile import Profile, Trait
from rules.filters import FILTERS, say_value

MAX_SOURCE = 64_000  # characters of one source
MAX_TAGS = 1_000  # `{{` and `{%` of one source
MAX_FILTERS = 20  # of one tag: while they work, nobody looks at the clock
MAX_SECONDS = 0.05  # of computing, for one block and one person
MAX_OUTPUT = 200_000  # bytes
MAX_STEPS = 2_000  # of loops within loops, multiplied
MAX_NESTED = 30  # tags within tags
MAX_LOOPS = 6  # loops within loops
MAX_ASSIGNED = 100_000  # bytes of all that is assigned and captured

TAGS = {"if", "unless", "case", "for", "break", "continue", "assign", "capture", "comment", "#"}
PERSONAL = {"profile", "context", "offer", "data"}  # what may be unknown; all else is the template's own

_PSEUDO_TAGS = {"content", "output", "illegal"}
_LOOK_EVERY = 4  # nodes; looking at the clock costs as much as a small node


class BadBlock(ValueError):
    """The block cannot be rendered; the message says where and how to mend it, `field` in which part of it."""

    def __init__(self, message: str, *, field: str = "source") -> None:
        super().__init__(message)
        self.field = field


class RenderFailed(Exception):
    """Rendering for this person went over a limit or met data it cannot use."""


class Seen(NamedTuple):
    """All that a block is rendered from: who looks, in which context, when (Unix milliseconds), what is granted; and of
    an e-mail the HTML of its slots, what its sender gives for this one message, and the addresses it leads back to. The
    same block and the same values give the same bytes."""

    profile: Profile
    context: Mapping[str, Any]
    now: int
    offer: Mapping[str, Any] | None = None
    slots: Mapping[str, str] = {}
    data: Mapping[str, Any] = {}
    links: Mapping[str, str] = {}


class Run:
    """One rendering of one block: what its templates see, and when they have to be done."""

    __slots__ = ("ends", "now", "slots", "variables", "zone")

    def __init__(self, seen: Seen, zone: ZoneInfo) -> None:
        profile = seen.profile
        # The time that this thread has computed, not the time of day: a busy machine must not change what is shown.
        self.ends = thread_time() + MAX_SECONDS
        self.zone = zone
        self.now = datetime.fromtimestamp(seen.now / 1000, zone)
        self.slots = seen.slots
        self.variables: dict[str, object] = {
            "profile": {
                "user_id": profile.user_id,
                "traits": _Traits(profile.traits),
                "segments": sorted(profile.segments),
            },
            "context": seen.context,
            "offer": seen.offer,
            "data": seen.data,
            **seen.links,
            "now": self.now.isoformat(timespec="seconds"),
        }


class _Traits(Mapping[str, Any]):
    """Traits by name, in an order that does not depend on how the profile came to be."""

    __slots__ = ("_traits",)

    def __init__(self, traits: Mapping[str, Trait]) -> None:
        self._traits = traits

    def __getitem__(self, name: str) -> Any:
        return self._traits[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._traits))

    def __len__(self) -> int:
        return len(self._traits)


class _Context(RenderContext):
    """What one template sees and has spent."""

    __slots__ = ("_visits", "run")

    def __init__(self, template: liquid.BoundTemplate, run: Run) -> None:
        super().__init__(template, globals=run.variables)
        self.scope = ReadOnlyChainMap(self.locals, self.globals)  # Liquid's own `now` and `today` look at the clock
        self.run = run
        self._visits = 0

    @property
    def disabled_tags(self) -> list[str]:
        """Every node asks for this before it renders, so here is where a template is stopped."""
        self._visits += 1
        if not self._visits % _LOOK_EVERY and thread_time() > self.run.ends:
            raise ResourceLimitError(f"it takes longer than {MAX_SECONDS * 1000:.0f} ms", token=None)
        return []

    @disabled_tags.setter
    def disabled_tags(self, names: list[str]) -> None:
        """No tag is ever disabled: those that are not wanted do not exist."""

    def get(self, path: list[object], *, token: Token | None, default: object = UNDEFINED) -> object:
        """The value at `path`. What is empty of a person, a context or an offer is as unknown as what is not there."""
        value = super().get(path, token=token, default=default)
        if (value is None or (isinstance(value, str) and not value.strip())) and path[0] in PERSONAL:
            return Missing(".".join(map(str, path)), token=token)
        return value

    def get_item(self, obj: Any, key: Any) -> Any:
        """A name of an object is that name: `size` of traits is a trait, and not how many there are."""
        return obj[key] if isinstance(obj, Mapping) else super().get_item(obj, key)


class Missing(Undefined):
    """What is not known: false in conditions, empty in loops, what `default` replaces; it cannot be printed."""

    __slots__ = ()

    def __str__(self) -> str:
        raise LiquidError(f"{self.name} is not known", token=self.token)


class Place(OutputNode):
    """A merge tag. `escape` makes its text fit where it stands in HTML; None where there is no HTML."""

    __slots__ = ("escape",)

    def __init__(self, token: Token, expression: liquid.Expression) -> None:
        super().__init__(token, expression)
        self.escape: Callable[[str], str] | None = None

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        text = say_value(self.expression.evaluate(context))
        return buffer.write(text if self.escape is None else self.escape(text))


class SlotNode(Node):
    """The place of a slot in an e-mail. `say` turns its HTML into what fits here."""

    __slots__ = ("name", "say")

    def __init__(self, token: Token, name: str) -> None:
        super().__init__(token)
        self.name = name
        self.blank = False
        self.say: Callable[[str], str] = str

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(context, _Context)
        return buffer.write(self.say(context.run.slots.get(self.name, "")))


class CapturedNode(CaptureNode):
    """What it captures of HTML is printed as HTML."""

    __slots__ = ("html",)

    def __init__(self, token: Token, name: Identifier, block: BlockNode) -> None:
        super().__init__(token, name, block)
        self.html = False  # until it is found to stand in HTML

    def _assign(self, context: RenderContext, buf: StringIO) -> None:
        context.assign(self.name, Markup(buf.getvalue()) if self.html else buf.getvalue())


class _Output(Output):
    node_class = Place


class _Capture(CaptureTag):
    node_class = CapturedNode


class _Loop(LoopExpression):
    """A loop that looks at how many there are before it makes a list of them."""

    __slots__ = ()

    def _to_iter(self, obj: object, context: RenderContext) -> tuple[Iterator[Any], int]:
        things, length = super()._to_iter(obj, context)
        if length > MAX_STEPS:
            raise LoopIterationLimitError(f"a loop has at most {MAX_STEPS} steps", token=self.token)
        return things, length


class _For(ForTag):
    def parse(self, stream: TokenStream) -> Node:
        node = super().parse(stream)
        assert isinstance(node, ForNode)
        said = node.expression
        node.expression = _Loop(
            said.token,
            said.identifier,
            said.iterable,
            limit=said.limit,
            offset=said.offset,
            reversed_=said.reversed,
            cols=said.cols,
        )
        return node


class _Slot(liquid.Tag):
    """`{% slot "email-banner" %}`"""

    name = "slot"
    block = False

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        inner = stream.into_inner(tag=token, eat=False)
        name = parse_primitive(self.env, inner)
        if not isinstance(name, StringLiteral) or inner.current.kind != TOKEN_EOF:
            raise LiquidSyntaxError('a slot is named in quotes: {% slot "email-banner" %}', token=token)
        return SlotNode(token, name.value)


class _Environment(liquid.Environment):
    """Liquid without files, and with bounds on everything a template can spend."""

    block_nesting_limit = MAX_NESTED
    context_depth_limit = MAX_LOOPS + 4
    loop_iteration_limit = MAX_STEPS
    local_namespace_limit = MAX_ASSIGNED
    output_stream_limit = MAX_OUTPUT

    def __init__(self, *, slots: bool) -> None:
        super().__init__(tolerance=Mode.STRICT, undefined=Missing)
        self.tags = {name: tag for name, tag in self.tags.items() if name in TAGS | _PSEUDO_TAGS}
        for tag in (_Output(self), _Capture(self), _For(self), *([_Slot(self)] if slots else [])):
            self.tags[tag.name] = tag
        self.filters = dict(FILTERS)

    def __hash__(self) -> int:
        return id(self)  # parsers are kept by it, and the two environments know different tags


_ENVIRONMENT = _Environment(slots=False)
_MAIL_ENVIRONMENT = _Environment(slots=True)


def parse_template(source: str, *, slots: bool = False) -> liquid.BoundTemplate:
    """The parsed source; raises LiquidError. `slots`: whether it may hold places for slots, as e-mails do."""
    if len(source) > MAX_SOURCE:
        raise LiquidSyntaxError(f"the source has {len(source)} characters; {MAX_SOURCE} is the most", token=None)
    if (tags := source.count("{{") + source.count("{%")) > MAX_TAGS:
        raise LiquidSyntaxError(f"the source has {tags} tags; {MAX_TAGS} is the most", token=None)
    try:
        return (_MAIL_ENVIRONMENT if slots else _ENVIRONMENT).from_string(source)
    except LiquidError as error:
        if isinstance(error.__cause__, RecursionError):
            raise LiquidSyntaxError("a condition is nested too deep; make it shorter", token=None) from error
        raise


def render_template(template: liquid.BoundTemplate, run: Run) -> str:
    """The template for one person; raises whatever its filters make of the data."""
    buffer = LimitedStringIO(MAX_OUTPUT, newline="")  # line ends are written as they are
    template.render_with_context(_Context(template, run), buffer)
    return buffer.getvalue()


def refuse(message: str, token: Token) -> NoReturn:
    raise LiquidSyntaxError(message, token=token)


def say_error(error: LiquidError) -> str:
    """A mistake with its place, in one line; Liquid's own message is a drawing of several."""
    try:
        place = error.context()
    except ValueError:  # it stands behind the end
        place = None
    if place is None:
        return f"Liquid: {error.message}."
    line, column, _, text, _ = place
    return f"Liquid: line {line}, column {column + 1}: {error.message}, in “{text.strip()[:60]}”."
