"""The demo shop's catalogue: thirty-six products in six categories, the same on every machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SHOP_NAME = "Larch & Lake"
CURRENCY = "EUR"
SOURCE_SLUG = "demo-shop"


@dataclass(frozen=True)
class Category:
    slug: str
    name: str
    line: str  # what the category's banner and card say in one sentence


@dataclass(frozen=True)
class Product:
    """One product; `price` is in euros, `id` is what events carry as `product_id`."""

    id: str
    name: str
    category: Category
    price: float
    line: str

    @property
    def picture(self) -> str:
        """Path of the product's drawing below the static root."""
        return f"demo/products/{self.id}.svg"

    @property
    def shown_price(self) -> str:
        return f"€{self.price:,.2f}"

    def properties(self) -> dict[str, Any]:
        """What events about this product say, in the names the Segment e-commerce calls use."""
        return {
            "product_id": self.id,
            "name": self.name,
            "category": self.category.name,
            "price": self.price,
            "currency": CURRENCY,
        }


OUTDOOR = Category("outdoor", "Outdoor", "Light, tough things for nights under the sky.")
SUMMER = Category("summer-wear", "Summer wear", "Linen, straw and salt water.")
HOME = Category("home", "Home", "Quiet shapes for rooms you live in.")
KITCHEN = Category("kitchen", "Kitchen", "Tools that get better with every meal.")
SPORT = Category("sport", "Sport", "For the kilometre before breakfast.")
SOUND = Category("sound", "Sound", "Hear the room, not the box.")

CATEGORIES: tuple[Category, ...] = (OUTDOOR, SUMMER, HOME, KITCHEN, SPORT, SOUND)

PRODUCTS: tuple[Product, ...] = (
    Product("ridge-tent", "Ridge tent for two", OUTDOOR, 249.0, "Stands in four minutes, weighs less than a cat."),
    Product("trail-pack", "Trail pack 40 L", OUTDOOR, 129.0, "Carries a long weekend and sits like a jacket."),
    Product("summit-boots", "Summit boots", OUTDOOR, 189.0, "Broken in before you are."),
    Product("ember-stove", "Ember stove", OUTDOOR, 64.0, "Half a litre boiling in two and a half minutes."),
    Product("north-lantern", "Northlight lantern", OUTDOOR, 49.0, "Forty hours of warm light from one charge."),
    Product("river-bottle", "Riverbend bottle", OUTDOOR, 29.0, "Cold for a day, dented for life, never broken."),
    Product("linen-shirt", "Linen shirt", SUMMER, 69.0, "Washed European linen, better on the third day."),
    Product("straw-hat", "Straw sun hat", SUMMER, 39.0, "A wide brim that survives the suitcase."),
    Product("cove-shorts", "Cove swim shorts", SUMMER, 45.0, "Dry before you have walked back to the towel."),
    Product("breeze-dress", "Breeze dress", SUMMER, 89.0, "One pocket for the key, one for the shell."),
    Product("shore-sandals", "Shore sandals", SUMMER, 59.0, "Cork soles that remember your feet."),
    Product("horizon-shades", "Horizon sunglasses", SUMMER, 99.0, "Polarised, in frames made from cotton."),
    Product("arc-lamp", "Arc floor lamp", HOME, 219.0, "Puts the light over the book, not over the room."),
    Product("nook-chair", "Nook armchair", HOME, 449.0, "Deep enough to fold your legs into."),
    Product("terra-vase", "Terra vase", HOME, 54.0, "Thrown by hand, so no two are the same."),
    Product("wool-cushion", "Wool cushion", HOME, 42.0, "Undyed wool from two hundred calm sheep."),
    Product("halo-mirror", "Halo mirror", HOME, 139.0, "Makes a narrow hall feel like a room."),
    Product("split-leaf", "Split-leaf plant", HOME, 34.0, "Forgives a fortnight without water."),
    Product("forge-knife", "Forge chef’s knife", KITCHEN, 119.0, "One knife for nine jobs in ten."),
    Product("iron-pot", "Cast-iron pot", KITCHEN, 149.0, "Bread on Sunday, stew till Wednesday."),
    Product("moka-pot", "Moka pot", KITCHEN, 35.0, "Six small cups and a sound you wake up to."),
    Product("swan-kettle", "Swan kettle", KITCHEN, 79.0, "A slow, thin pour that hits the spot."),
    Product("nest-bowls", "Nest of bowls", KITCHEN, 48.0, "Three bowls in the space of one."),
    Product("oak-board", "Oak board", KITCHEN, 55.0, "End-grain oak, kind to every edge."),
    Product("dawn-mat", "Dawn yoga mat", SPORT, 58.0, "Grips when wet, rolls up flat."),
    Product("kettlebell", "Kettlebell 12 kg", SPORT, 49.0, "The whole gym, if you let it be."),
    Product("tempo-shoes", "Tempo running shoes", SPORT, 139.0, "Soft at the heel, eager at the toe."),
    Product("city-bike", "City bike", SPORT, 790.0, "Belt drive, eight gears, nothing to oil."),
    Product("court-racket", "Court racket", SPORT, 119.0, "Forgiving where beginners hit, fast where you aim."),
    Product("street-ball", "Street basketball", SPORT, 35.0, "Rubber made for tarmac and rain."),
    Product("studio-phones", "Studio headphones", SOUND, 229.0, "Closed, comfortable, honest down to 8 Hz."),
    Product("shelf-speaker", "Shelf speaker", SOUND, 189.0, "Fills a kitchen without shouting."),
    Product("loft-turntable", "Loft turntable", SOUND, 329.0, "Two speeds, one belt, no fuss."),
    Product("pocket-radio", "Pocket radio", SOUND, 59.0, "Every station, and a week on one battery."),
    Product("field-recorder", "Field recorder", SOUND, 149.0, "Catches the birds, leaves out the wind."),
    Product("tiny-synth", "Tiny synth", SOUND, 119.0, "Two octaves, sixteen steps, endless evenings."),
)

BY_ID: dict[str, Product] = {product.id: product for product in PRODUCTS}


def products_of(category: Category) -> tuple[Product, ...]:
    return tuple(product for product in PRODUCTS if product.category is category)


def products_like(product: Product, limit: int = 4) -> tuple[Product, ...]:
    """Others of the same category, in catalogue order."""
    return tuple(other for other in products_of(product.category) if other is not product)[:limit]


def list_in_turns() -> Iterator[Product]:
    """Every product, the first of each category, then the second of each, so that no category leads the page."""
    for row in zip(*(products_of(category) for category in CATEGORIES), strict=True):
        yield from row
