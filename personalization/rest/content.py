"""What visitors meet: slots, the blocks that are shown in them, and the rules that say which."""

from personalization.rest.definition_forms import (
    BlockBody,
    BlockSerializer,
    RuleBody,
    RuleSerializer,
    SlotBody,
    SlotSerializer,
)
from personalization.rest.definition_views import list_addresses
from personalization.rest.definitions import Kind

TAG = "Content"

SLOTS = Kind("slot", "slots", TAG, SlotBody, SlotSerializer, related=("default",))
BLOCKS = Kind("block", "blocks", TAG, BlockBody, BlockSerializer, related=("fallback",), filters={"kind": "kind"})
RULES = Kind(
    "rule",
    "rules",
    TAG,
    RuleBody,
    RuleSerializer,
    related=("slot", "block", "offer"),
    filters={"slot": "slot__slug", "block": "block__slug"},
    reserved=("performance",),
)

urlpatterns = [*list_addresses(SLOTS), *list_addresses(BLOCKS), *list_addresses(RULES)]
