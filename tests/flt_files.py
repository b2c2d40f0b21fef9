"""Tiny files shaped like those of calwf3, with the quirks a test asks for."""

import numpy as np
from astropy.io import fits

SHAPE = (30, 40)
START = 58331.25


def write_flt(
    path,
    *,
    start=START,
    fill=0.0,
    shape=SHAPE,
    chips=(2,),
    primary=(),
    science=(),
    leave_out=(),
    seed=0,
    light=0.0,
):
    """Write a file shaped like calwf3's.

    `chips` in the order of its image sets; `primary` and `science` are cards to add, None to leave one out.
    """
    rng = np.random.default_rng(seed)
    hdus = [fits.PrimaryHDU()]
    header = {"FILTER": "G280", "EXPSTART": start, "EXPTIME": 190.0, "EXPEND": start + 190 / 86400}
    header |= {
        "NEXTEND": len(chips) * (3 - len(leave_out)),
        "TARGNAME": "HAT-P-41",
        "POSTARG1": 0.395,
        "POSTARG2": -0.79,
    } | dict(primary)
    for key, value in header.items():
        if value is not None:
            hdus[0].header[key] = value
    for version, chip in enumerate(chips, start=1):
        image = rng.normal(20, 3, shape) + fill + 1000 * (chip == 1)
        image[shape[0] // 2] += light  # a trace
        planes = {"SCI": image.astype(">f4"), "ERR": np.sqrt(np.clip(image, 0, None) + 3.1**2).astype(">f4")}
        planes["DQ"] = np.zeros(shape, ">i2")
        planes["DQ"][3, 5], planes["DQ"][4, 6] = 16 + 4096, -32768
        for name, data in planes.items():
            if name in leave_out:
                continue
            hdu = fits.ImageHDU(data, name=name, ver=version)
            cards = {"CCDCHIP": chip, "LTV1": -1028.0, "LTV2": -724.0, "CRPIX1": 18.0, "CRPIX2": 15.0}
            for key, value in (cards | {"BUNIT": "ELECTRONS"} | dict(science)).items():
                if value is not None:
                    hdu.header[key] = value
            hdus.append(hdu)
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList(hdus).writeto(path)
    return path


def archive_folder(top, roots="abcd", direct="k", place="{root}", name="{root}_flt.fits", **options):
    """Write a visit as the archive leaves it: exposures by root name, 4 minutes apart, and a direct image.

    `place` and `name` are made with the root name; `options` go to `write_flt`.
    """
    paths = []
    for number, letter in enumerate([*direct, *roots]):
        root = f"iexr16l{letter}q"
        primary = {
            "ROOTNAME": root,
            "FILTER": "F300X" if letter in direct else "G280",
            **options.get("primary", {}),
        }
        where = top / place.format(root=root) / name.format(root=root)
        start = START + (4 * number) / 1440
        paths.append(write_flt(where, start=start, seed=number, **{**options, "primary": primary}))
    return paths


def stage_0_folder(top, n_frames=5, quirks=None, direct=None, **options):
    """Write a Stage 0 folder; `quirks` are options of `write_flt` by number of the frame, `direct` of the image."""
    for k in range(n_frames):
        own = {"start": START + 4 * k / 1440, "seed": k, **options, **(quirks or {}).get(k, {})}
        own["primary"] = {**options.get("primary", {}), **(quirks or {}).get(k, {}).get("primary", {})}
        own["science"] = {**options.get("science", {}), **(quirks or {}).get(k, {}).get("science", {})}
        write_flt(top / "specimages" / f"or01fm{k + 1:03d}_flt.fits", **own)
    own = {"seed": 99, **(direct or {})}
    own["primary"] = {"FILTER": "F300X", **own.get("primary", {})}
    write_flt(top / "directimages" / "or01dr001_flt.fits", **own)
    return top
