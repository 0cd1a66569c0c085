"""More things, and the still life for whatever has no drawing of its own."""

from orders.artwork.inks import Dice, Inks


def book(dice: Dice, inks: Inks) -> str:
    """A book that stands, with a mark between its pages."""
    top = dice.between(92, 116)
    return (
        f'<rect x="118" y="{top}" width="172" height="{328 - top}" rx="8" fill="{inks.dark}"/>'
        f'<rect x="132" y="{316}" width="152" height="10" fill="{inks.backdrop}"/>'
        f'<rect x="110" y="{top}" width="166" height="{314 - top}" rx="8" fill="{inks.middle}"/>'
        f'<rect x="110" y="{top}" width="26" height="{314 - top}" rx="8" fill="{inks.dark}" '
        f'opacity=".45"/><path d="M236 {top}h26v84l-13-16-13 16z" fill="{inks.light}"/>'
        f'<rect x="160" y="{top + 118}" width="88" height="10" rx="5" fill="{inks.backdrop}"/>'
        f'<rect x="160" y="{top + 142}" width="58" height="10" rx="5" fill="{inks.backdrop}"/>'
    )


def cloth(dice: Dice, inks: Inks) -> str:
    """Folded cloth, layer on layer."""
    colours = (inks.middle, inks.light, inks.dark, inks.middle)
    first = dice.between(0, 2)
    layers = []
    for layer in range(4):
        y, inset = 278 - layer * 50, layer * 6
        ink = colours[(first + layer) % len(colours)]
        layers.append(
            f'<rect x="{96 + inset}" y="{y}" width="{208 - 2 * inset}" height="52" rx="24" '
            f'fill="{ink}"/><path d="M{128 + inset} {y + 26}h{144 - 2 * inset}" '
            f'stroke="{inks.backdrop}" stroke-width="3" stroke-dasharray="{6 + layer * 2} 8" '
            f'opacity=".7"/>'
        )
    return "".join(layers)


def jar(dice: Dice, inks: Inks) -> str:
    """A jar with a lid and a label."""
    fill = dice.between(170, 205)
    return (
        f'<rect x="128" y="138" width="144" height="192" rx="26" fill="{inks.light}"/>'
        f'<path d="M128 {fill}q36-16 72 0t72 0v{304 - fill}a26 26 0 0 1-26 26h-92a26 26 0 0 1-26-'
        f'26z" fill="{inks.middle}"/>'
        f'<rect x="120" y="98" width="160" height="44" rx="10" fill="{inks.dark}"/>'
        f'<rect x="152" y="220" width="96" height="66" rx="6" fill="{inks.backdrop}"/>'
        f'<rect x="168" y="240" width="64" height="8" rx="4" fill="{inks.dark}"/>'
        f'<rect x="180" y="258" width="40" height="8" rx="4" fill="{inks.light}"/>'
    )


def soap(dice: Dice, inks: Inks) -> str:
    """A bar in its paper band."""
    lean = dice.between(-6, 6)
    return (
        f'<g transform="rotate({lean} 200 270)">'
        f'<rect x="92" y="214" width="216" height="112" rx="26" fill="{inks.dark}"/>'
        f'<rect x="92" y="200" width="216" height="112" rx="26" fill="{inks.middle}"/>'
        f'<rect x="152" y="200" width="96" height="126" fill="{inks.backdrop}"/>'
        f'<circle cx="200" cy="256" r="20" fill="{inks.light}"/></g>'
    )


def tool(dice: Dice, inks: Inks) -> str:
    """Two things with handles, leaning on each other."""
    lean = dice.between(10, 18)
    return (
        f'<g transform="rotate({lean} 200 330)">'
        f'<rect x="188" y="206" width="24" height="122" rx="11" fill="{inks.dark}"/>'
        f'<path d="M184 206v-88q0-36 32-46v134z" fill="{inks.middle}"/></g>'
        f'<g transform="rotate(-{lean + 6} 200 330)">'
        f'<rect x="188" y="196" width="24" height="132" rx="11" fill="{inks.middle}"/>'
        f'<rect x="180" y="186" width="40" height="18" rx="6" fill="{inks.dark}"/>'
        f'<path d="M176 188q-10-66 24-100 34 34 24 100z" fill="{inks.light}"/></g>'
    )


def brush(dice: Dice, inks: Inks) -> str:
    """A brush for the bath, lying on its bristles."""
    lean, hairs = dice.between(-8, -2), range(96, 232, 16)
    bristles = "".join(
        f'<rect x="{x}" y="246" width="9" height="66" rx="4" fill="{inks.light}"/>' for x in hairs
    )
    return (
        f'<g transform="rotate({lean} 200 270)">{bristles}'
        f'<rect x="216" y="216" width="128" height="24" rx="12" fill="{inks.dark}"/>'
        f'<rect x="84" y="204" width="158" height="48" rx="24" fill="{inks.middle}"/>'
        f'<circle cx="326" cy="228" r="5" fill="{inks.backdrop}"/></g>'
    )


def still_life(dice: Dice, inks: Inks) -> str:
    """An arch, a column and a ball: for what has no drawing of its own."""
    height, ball = dice.between(150, 190), dice.between(34, 48)
    return (
        f'<path d="M92 330v-{height - 70}a70 70 0 0 1 140 0v{height - 70}z" fill="{inks.middle}"/>'
        f'<path d="M132 330v-{height - 80}a30 30 0 0 1 60 0v{height - 80}z" '
        f'fill="{inks.backdrop}"/>'
        f'<rect x="236" y="{330 - height + 36}" width="64" height="{height - 36}" rx="4" '
        f'fill="{inks.dark}"/><circle cx="268" cy="{330 - height + 36 - ball}" r="{ball}" '
        f'fill="{inks.light}"/><path d="M268 {330 - height + 36 - 2 * ball}a{ball} {ball} 0 0 1 0 '
        f'{2 * ball}z" fill="{inks.middle}" opacity=".55"/>'
    )
