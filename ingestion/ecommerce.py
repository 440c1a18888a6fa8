"""Which properties are indexed before anybody has chosen: Segment's e-commerce events, and the rest of the world."""

PRODUCT = ("product_id", "sku", "category", "name", "brand", "variant", "price", "quantity", "coupon")
CART = ("cart_id", "products.product_id", "products.category")
ORDER = (
    "order_id",
    "revenue",
    "total",
    "coupon",
    "currency",
    "products.product_id",
    "products.category",
    "products.brand",
)

# https://segment.com/docs/connections/spec/ecommerce/v2/ names the events and their properties.
INDEXED: dict[str, tuple[str, ...]] = {
    "Products Searched": ("query",),
    "Product List Viewed": ("list_id", "category"),
    "Product List Filtered": ("list_id", "category"),
    "Promotion Viewed": ("promotion_id", "name", "creative", "position"),
    "Promotion Clicked": ("promotion_id", "name", "creative", "position"),
    "Product Clicked": PRODUCT,
    "Product Viewed": PRODUCT,
    "Product Added": PRODUCT,
    "Product Removed": PRODUCT,
    "Cart Viewed": CART,
    "Checkout Started": ORDER,
    "Checkout Step Viewed": ("step", "shipping_method", "payment_method"),
    "Checkout Step Completed": ("step", "shipping_method", "payment_method"),
    "Payment Info Entered": ("step", "shipping_method", "payment_method"),
    "Order Updated": ORDER,
    "Order Completed": ORDER,
    "Order Refunded": ORDER,
    "Order Cancelled": ORDER,
    "Coupon Entered": ("coupon_id",),
    "Coupon Applied": ("coupon_id", "discount"),
    "Coupon Denied": ("coupon_id", "reason"),
    "Coupon Removed": ("coupon_id", "discount"),
    "Product Added to Wishlist": ("wishlist_id", *PRODUCT),
    "Product Removed from Wishlist": ("wishlist_id", *PRODUCT),
    "Product Shared": ("share_via", "product_id", "category"),
    "Product Reviewed": ("product_id", "rating"),
    "Page Viewed": ("name", "category", "path"),
    "Screen Viewed": ("name", "category"),
    "Block Viewed": ("slot", "rule", "block"),
    "Block Clicked": ("slot", "rule", "block"),
    "Email Opened": ("email_id", "campaign_name", "by"),
    "Email Link Clicked": ("email_id", "campaign_name", "by", "link_url"),
    "Unsubscribed": ("purpose",),
}

# Of events that are in neither this list nor the catalogue.
OTHERWISE: tuple[str, ...] = ("category", "product_id", "name", "label", "price", "value")
