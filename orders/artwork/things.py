"""Things, each drawn in a square of 400 units, standing on a floor at 330."""

from orders.artwork.inks import Dice, Inks


def band(dice: Dice, inks: Inks, left: int, right: int, top: int, bottom: int) -> str:
    """A pattern of dots or stripes within a box."""
    if dice.between(0, 1):
        y = (top + bottom) // 2
        return "".join(
            f'<circle cx="{x}" cy="{y}" r="8" fill="{inks.light}"/>'
            for x in range(left + 16, right - 8, 28)
        )
    return "".join(
        f'<rect x="{left}" y="{y}" width="{right - left}" height="8" fill="{inks.light}"/>'
        for y in range(top, bottom, 22)
    )


def mug(dice: Dice, inks: Inks) -> str:
    top = dice.between(140, 170)
    return (
        f'<path d="M270 {top + 35}h22a38 38 0 0 1 38 38v14a38 38 0 0 1-38 38h-22" fill="none" '
        f'stroke="{inks.dark}" stroke-width="18"/>'
        f'<path d="M120 {top}h160v{300 - top}a28 28 0 0 1-28 28H148a28 28 0 0 1-28-28z" '
        f'fill="{inks.middle}"/>{band(dice, inks, 120, 280, top + 50, top + 100)}'
        f'<ellipse cx="200" cy="{top}" rx="80" ry="15" fill="{inks.dark}"/>'
    )


def candle(dice: Dice, inks: Inks) -> str:
    top = dice.between(165, 200)
    return (
        f'<path d="M200 {top - 74}c26 28 22 54 0 54s-26-26 0-54z" fill="{inks.light}"/>'
        f'<path d="M200 {top - 46}c11 13 9 26 0 26s-11-13 0-26z" fill="{inks.backdrop}"/>'
        f'<rect x="197" y="{top - 22}" width="6" height="26" fill="{inks.dark}"/>'
        f'<rect x="140" y="{top}" width="120" height="{328 - top}" rx="14" fill="{inks.middle}"/>'
        f'<rect x="140" y="{top + 45}" width="120" height="52" fill="{inks.backdrop}" '
        f'opacity=".85"/><rect x="164" y="{top + 66}" width="72" height="8" rx="4" '
        f'fill="{inks.dark}"/>'
    )


def bag(dice: Dice, inks: Inks) -> str:
    top = dice.between(165, 185)
    return (
        f'<path d="M155 {top + 10}v-30a45 45 0 0 1 90 0v30" fill="none" stroke="{inks.dark}" '
        f'stroke-width="13" stroke-linecap="round"/>'
        f'<path d="M112 {top}h176l16 {316 - top}a14 14 0 0 1-14 14H110a14 14 0 0 1-14-14z" '
        f'fill="{inks.middle}"/>{band(dice, inks, 112, 288, top + 45, top + 110)}'
    )


def clock(dice: Dice, inks: Inks) -> str:
    hours, minutes = dice.between(0, 11) * 30, dice.between(0, 11) * 30
    return (
        f'<path d="M145 318l-20 22M255 318l20 22" stroke="{inks.dark}" stroke-width="16" '
        f'stroke-linecap="round"/><circle cx="200" cy="215" r="118" fill="{inks.middle}"/>'
        f'<circle cx="200" cy="215" r="92" fill="{inks.backdrop}"/>'
        f'<path d="M200 215v-44" stroke="{inks.dark}" stroke-width="11" stroke-linecap="round" '
        f'transform="rotate({hours} 200 215)"/>'
        f'<path d="M200 215v-66" stroke="{inks.dark}" stroke-width="7" stroke-linecap="round" '
        f'transform="rotate({minutes} 200 215)"/><circle cx="200" cy="215" r="9" '
        f'fill="{inks.dark}"/>'
    )


def lamp(dice: Dice, inks: Inks) -> str:
    flare = dice.between(80, 105)
    return (
        f'<rect x="193" y="200" width="14" height="118" fill="{inks.dark}"/>'
        f'<rect x="140" y="312" width="120" height="18" rx="9" fill="{inks.dark}"/>'
        f'<path d="M{200 - flare // 2} 90h{flare}l{flare // 2 + 8} 122H'
        f'{200 - flare - 8}z" fill="{inks.middle}"/>'
        f'<path d="M{200 - flare // 2} 90h{flare // 3}l{-flare // 6} 122H{200 - flare - 8}z" '
        f'fill="{inks.light}" opacity=".7"/>'
    )


def bottle(dice: Dice, inks: Inks) -> str:
    shoulder = dice.between(170, 200)
    return (
        f'<rect x="178" y="80" width="44" height="26" rx="6" fill="{inks.dark}"/>'
        f'<path d="M184 106h32v{shoulder - 136}c0 22 44 28 44 66v{310 - shoulder - 36}a18 18 0 0 1'
        f'-18 18h-84a18 18 0 0 1-18-18v{shoulder - 310 + 36}c0-38 44-44 44-66z" '
        f'fill="{inks.middle}"/>'
        f'<rect x="140" y="228" width="120" height="58" fill="{inks.backdrop}" opacity=".9"/>'
        f'<circle cx="200" cy="257" r="16" fill="{inks.light}"/>'
    )


def box(dice: Dice, inks: Inks) -> str:
    lean = dice.between(24, 40)
    return (
        f'<path d="M100 190l100-{lean} 100 {lean}-100 {lean}z" fill="{inks.light}"/>'
        f'<path d="M100 190l100 {lean}v112L100 {302 - lean // 4}z" fill="{inks.middle}"/>'
        f'<path d="M300 190l-100 {lean}v112l100-{lean // 2 + 12}z" fill="{inks.dark}" '
        f'opacity=".85"/><path d="M186 {150 + lean}c-50-60-92-30-40 4M214 {150 + lean}c50-60 92-30'
        f' 40 4" fill="none" stroke="{inks.dark}" stroke-width="10" stroke-linecap="round"/>'
    )


def bowl(dice: Dice, inks: Inks) -> str:
    rim = dice.between(205, 230)
    return (
        f'<path d="M80 {rim}h240c0 62-44 {322 - rim}-84 {322 - rim}h-72c-40 0-84-{322 - rim - 62}'
        f'-84-{322 - rim}z" fill="{inks.middle}"/>'
        f'<ellipse cx="200" cy="{rim}" rx="120" ry="20" fill="{inks.dark}"/>'
        f'<circle cx="162" cy="{rim - 16}" r="30" fill="{inks.light}"/>'
        f'<circle cx="214" cy="{rim - 24}" r="36" fill="{inks.backdrop}"/>'
        f'<circle cx="256" cy="{rim - 10}" r="24" fill="{inks.light}"/>'
        f'<path d="M80 {rim}a120 20 0 0 0 240 0l-4 26H84z" fill="{inks.middle}"/>'
    )


def frame(dice: Dice, inks: Inks) -> str:
    ridge = dice.between(190, 225)
    return (
        f'<rect x="92" y="88" width="216" height="236" rx="6" fill="{inks.dark}"/>'
        f'<rect x="112" y="108" width="176" height="196" fill="{inks.backdrop}"/>'
        f'<circle cx="{dice.between(150, 250)}" cy="156" r="24" fill="{inks.light}"/>'
        f'<path d="M112 304v-70l52-{254 - ridge} 46 44 38-30 40 42v{304 - 268}z" '
        f'fill="{inks.middle}"/><path d="M112 304v-34l88-22 88 30v26z" fill="{inks.dark}" '
        f'opacity=".55"/>'
    )


def heart(dice: Dice, inks: Inks) -> str:
    drop = dice.between(60, 85)
    return (
        f'<path d="M200 60v{drop}" stroke="{inks.dark}" stroke-width="5"/>'
        f'<circle cx="200" cy="60" r="7" fill="{inks.dark}"/>'
        f'<path d="M200 {drop + 236}c-150-92-112-196-48-190 26 2 42 20 48 38 6-18 22-36 48-38 64-6'
        f' 102 98-48 190z" fill="{inks.middle}"/>'
        f'<path d="M138 {drop + 82}c-14 10-18 34-10 54" fill="none" stroke="{inks.light}" '
        f'stroke-width="11" stroke-linecap="round"/>'
    )


def plant(dice: Dice, inks: Inks) -> str:
    leaves = "".join(
        f'<path d="M200 238c-24-36-24-84 0-124 24 40 24 88 0 124z" '
        f'fill="{inks.middle if turn % 2 else inks.dark}" transform="rotate({angle} 200 238)"/>'
        for turn, angle in enumerate(range(-66, 67, dice.between(27, 35)))
    )
    return (
        f"{leaves}"
        f'<path d="M138 232h124l-15 86a14 14 0 0 1-14 12h-66a14 14 0 0 1-14-12z" '
        f'fill="{inks.light}"/><rect x="128" y="222" width="144" height="24" rx="6" '
        f'fill="{inks.dark}" opacity=".9"/>'
    )
