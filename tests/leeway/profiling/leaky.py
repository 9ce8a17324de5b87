"""Tables with leaks as real ones have them, and honest tables that look like them."""

import numpy as np
import pandas as pd

ROWS = 4_000


def taxi():
    """A ride is `bad` where the tip is over a fifth of the fare; in cash nobody writes it down."""
    random = np.random.default_rng(1)
    card = random.random(ROWS) < 0.45
    fare = (3 + random.lognormal(2.2, 0.7, ROWS)).round(2)
    tips = np.where(card, (fare * np.clip(random.normal(0.24, 0.1, ROWS), 0, None)).round(2), 0)
    return pd.DataFrame(
        {
            "fare": fare,
            "distance": (fare / 2.6 * random.lognormal(0, 0.2, ROWS)).round(2),
            "payment": np.where(card, "card", "cash"),
            "tips": tips,
            "bad": (tips > 0.2 * fare).astype(int),
        }
    )


def loans():
    """A loan that is `bad` ends at some odd month; the others run as long as planned, or end early."""
    random = np.random.default_rng(2)
    bad = random.random(ROWS) < 0.18
    planned = random.choice([60, 84, 120, 240], ROWS, p=[0.2, 0.5, 0.15, 0.15])
    ended = (bad & (random.random(ROWS) < 0.9)) | (~bad & (random.random(ROWS) < 0.12))
    return pd.DataFrame(
        {
            "Term": np.where(ended, (planned * random.uniform(0.1, 0.9, ROWS)).astype(int), planned),
            "amount": random.lognormal(11, 1, ROWS).round(-2),
            "employees": random.poisson(8, ROWS),
            "bad": bad.astype(int),
        }
    )


def trial():
    """Who was seen again at all beside who was seen again within two years, which is `bad`."""
    random = np.random.default_rng(3)
    priors, age = random.poisson(3, ROWS), random.integers(18, 70, ROWS)
    odds = -0.6 + 0.2 * priors - 0.04 * (age - 35)
    bad = random.random(ROWS) < 1 / (1 + np.exp(-odds))
    return pd.DataFrame(
        {
            "age": age,
            "priors_count": priors,
            "is_recid": (bad | (random.random(ROWS) < 0.055)).astype(int),
            "bad": bad.astype(int),
        }
    )


def football(*, results=("lost", "won")):
    """Both scores beside the result."""
    random = np.random.default_rng(4)
    home, away = random.poisson(1.6, ROWS), random.poisson(1.2, ROWS)
    won = np.where(home > away, results[-1], results[0])
    return pd.DataFrame(
        {
            "home_team": random.choice([f"t{number}" for number in range(20)], ROWS),
            "home_score": home,
            "away_score": away,
            "neutral": random.choice(["yes", "no"], ROWS),
            "bad": np.where(home == away, "drawn", won) if len(results) > 2 else won,
        }
    )


def copies():
    """A leak in three parts, none of which tells the whole."""
    random = np.random.default_rng(6)
    bad = random.random(ROWS) < 0.3
    amount = np.where(bad, random.lognormal(3, 0.4, ROWS), random.lognormal(1.9, 0.4, ROWS))
    return pd.DataFrame(
        {f"part_{number}": amount * random.lognormal(0, 0.35, ROWS) for number in range(3)}
        | {"other": random.normal(size=ROWS), "bad": bad.astype(int)}
    )


def honest():
    """One strong column among others, all known in time."""
    random = np.random.default_rng(5)
    score, debt = random.normal(size=(2, ROWS))
    return pd.DataFrame(
        {
            "score": 50 * score + 600,
            "debt": debt,
            "kind": random.choice(list("abc"), ROWS),
            "bad": (random.random(ROWS) < 1 / (1 + np.exp(-(3 * score + debt - 1)))).astype(int),
        }
    )


def ordinary():
    """Columns that each tell a little."""
    random = np.random.default_rng(7)
    x = random.normal(size=(4, ROWS))
    bad = random.random(ROWS) < 1 / (1 + np.exp(-(0.8 * x.sum(axis=0) - 1)))
    return pd.DataFrame({f"x{number}": values for number, values in enumerate(x)} | {"bad": bad.astype(int)})
