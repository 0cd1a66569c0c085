"""Pictures of products, drawn from SKU and name: the same product always looks the same.

Nothing is stored and nothing random is used, so a picture may be cached for long.
"""

import re
from html import escape

from orders.artwork import goods, things
from orders.artwork.inks import PALETTES, Dice, Inks, Motif

WORD = re.compile(r"[a-z]+")


def draw_product(*, sku: str, name: str, category: str) -> str:
    """Return an SVG picture (square, 400 units) of a product. Safe text: everything is escaped."""
    dice = Dice(sku)
    family = Dice(category or sku).between(0, len(PALETTES) - 1)
    # Two neighbouring families per category: alike, but not uniform.
    inks = Inks(*PALETTES[(family + dice.between(0, 1)) % len(PALETTES)])
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" role="img">'
        f"<title>{escape(name)}</title>"
        f'<rect width="400" height="400" fill="{inks.backdrop}"/>'
        f"{_scene(dice, inks)}{pick_motif(name)(dice, inks)}</svg>"
    )


def pick_motif(name: str) -> Motif:
    """Return the drawing for the last telling word before a comma, or a still life."""
    for part in name.lower().split(","):
        for word in reversed(WORD.findall(part)):
            motif = BY_WORD.get(word) or BY_WORD.get(word.removesuffix("s"))
            if motif is not None:
                return motif
    return goods.still_life


def _scene(dice: Dice, inks: Inks) -> str:
    x, y, size = dice.between(90, 310), dice.between(90, 200), dice.between(100, 150)
    return (
        f'<circle cx="{x}" cy="{y}" r="{size}" fill="{inks.light}" opacity=".35"/>'
        f'<ellipse cx="200" cy="330" rx="{dice.between(105, 130)}" ry="13" '
        f'fill="{inks.dark}" opacity=".14"/>'
    )


# A drawing, and the words of a name that ask for it (without the plural's s).
MOTIFS: tuple[tuple[Motif, str], ...] = (
    (things.mug, "mug cup teacup coffee jug tumbler pitcher teapot"),
    (things.candle, "candle holder tlight wax incense"),
    (things.bag, "bag tote shopper purse basket backpack wallet handbag"),
    (things.clock, "clock watch timer alarm"),
    (things.lamp, "lamp lantern light shade torch"),
    (things.bottle, "bottle oil vase lotion water perfume"),
    (things.bowl, "bowl plate dish tray cakestand pan"),
    (things.frame, "frame print poster sign card mirror picture postcard"),
    (things.heart, "heart decoration bunting garland ornament love"),
    (things.plant, "plant garden pot flower herb seed leaf wildflower"),
    (things.box, "box tin case gift kit pack storage wrap block puzzle"),
    (goods.book, "book notebook planner calendar hardback paperback atlas year journal diary"),
    (goods.cloth, "throw blanket towel cushion apron robe cloth linen mat scarf rug"),
    (goods.jar, "jam honey spice tea jar chutney salt cream pickle"),
    (goods.soap, "soap chocolate bar sponge eraser"),
    (goods.brush, "brush"),
    (goods.tool, "knife trowel pencil scissor secateur razor pen spoon fork tool"),
)
BY_WORD = {word: motif for motif, words in MOTIFS for word in words.split()}
