"""The demo shop's weekly letter: its slot, the e-mail, and a banner for what somebody looks at, as data."""

from personalization.shop import CATEGORIES, PRODUCTS, SHOP_NAME, Category, Product
from personalization.shop_content import HEADLINES, BlockContent, RuleContent, SlotContent, in_segment

LETTER = "weekly-letter"
WELCOME = "letter-welcome"
SLOT = SlotContent("email-banner", "Banner of the weekly letter", channel="email", default=WELCOME)
SHOP = '{{ context.shop | default: "http://127.0.0.1:8000" }}'  # the sender says where the shop is


def _banner(category: Category) -> str:
    over, headline, button = HEADLINES[category.slug]
    return f"""<p>{over}</p>
<h2>{headline}</h2>
<p>{category.line}</p>
<p><a href="{SHOP}/demo/?category={category.slug}#products">{button}</a></p>"""


def _line(product: Product) -> str:
    return f"""<tr><td><a href="{SHOP}/demo/p/{product.id}/">{product.name}</a><br>{product.line}</td>
<td>{product.shown_price}</td></tr>"""


_NEW = "\n".join(_line(next(each for each in PRODUCTS if each.category is category)) for category in CATEGORIES[:3])

LETTER_HTML = f"""<!doctype html>
<html lang="en">
<head>
<style>
body {{ background: #f6f4ef; color: #1f2a24; font-family: Georgia, serif; font-size: 16px; line-height: 1.5 }}
h1 {{ font-size: 24px }}
h2 {{ font-size: 20px }}
a {{ color: #1d5c46 }}
td {{ padding: 8px; vertical-align: top }}
.small {{ color: #6b756f; font-size: 13px }}
</style>
</head>
<body>
<p class="small"><a href="{{{{ view_url }}}}">View this letter in your browser</a></p>
<h1>Good morning{{% if profile.traits.firstName %}}, {{{{ profile.traits.firstName }}}}{{% endif %}}</h1>
{{% slot "{SLOT.slug}" %}}
<h2>New this week</h2>
<table>
{_NEW}
</table>
<p class="small">You get this letter from {SHOP_NAME} because you asked for it.
<a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a></p>
</body>
</html>"""

BLOCKS: tuple[BlockContent, ...] = (
    BlockContent(
        LETTER,
        "Weekly letter",
        LETTER_HTML,
        kind="email",
        subject="{% if profile.traits.firstName %}{{ profile.traits.firstName }}, this{% else %}This{% endif %}"
        f" week at {SHOP_NAME}",
    ),
    BlockContent(WELCOME, "Letter: welcome", f'<p>Have a look around: <a href="{SHOP}/demo/">to the shop</a>.</p>'),
    *(BlockContent(f"letter-{each.slug}", f"Letter: {each.name}", _banner(each)) for each in CATEGORIES),
)

RULES: tuple[RuleContent, ...] = tuple(
    RuleContent(
        f"letter-{each.slug}",
        f"{each.name} fans, in the letter",
        SLOT.slug,
        f"letter-{each.slug}",
        priority,
        in_segment(f"likes-{each.slug}"),
    )
    for priority, each in zip(range(10, 1000, 10), CATEGORIES, strict=False)
)
