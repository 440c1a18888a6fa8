"""What people get beside a block: discount codes, loyalty points, early access."""

from personalization.rest.definition_forms import OfferBody, OfferSerializer
from personalization.rest.definition_views import list_addresses
from personalization.rest.definitions import Kind

OFFERS = Kind("offer", "offers", "Offers", OfferBody, OfferSerializer, "content", filters={"kind": "kind"})

urlpatterns = list_addresses(OFFERS)
