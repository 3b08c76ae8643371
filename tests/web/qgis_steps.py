"""Does in QGIS's own dialogs what a record's page says. Runs in QGIS's Python, without a screen.

Standard input: `{"lang", "layers": [{"steps", "address"}], "features": [{"url", "collection",
"bbox", "page"}]}`. The last line of standard output: what came of each, or `error` with the reason.
"""

# mypy: disable-error-code="import-not-found,import-untyped"
from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsFeatureRequest,
    QgsRasterBandStats,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsFileWidget, QgsGui
from qgis.PyQt.QtCore import QCoreApplication, QTranslator
from qgis.PyQt.QtWidgets import QGroupBox, QLineEdit, QRadioButton

# Entries of QGIS's menu Layer > Add Layer, and the provider behind each.
ENTRIES = {"Add Raster Layer…": "gdal", "Add Vector Layer…": "ogr"}


def main() -> None:
    task = json.load(sys.stdin)
    app = QgsApplication([], True)
    app.initQgis()
    words = QTranslator()
    if task["lang"] == "zh":
        if not words.load("qgis_zh-Hans", QgsApplication.i18nPath()):
            raise SystemExit("QGIS has no Chinese here")
        app.installTranslator(words)
    done = {
        "gdal": [int(part) for part in gdal.__version__.split(".")[:2]],
        "layers": [attempt(layer, one) for one in task["layers"]],
        "features": [attempt(features, one) for one in task["features"]],
    }
    sys.stdout.write("\n" + json.dumps(done) + "\n")
    sys.stdout.flush()
    # QGIS is known to fall over when Python takes it down.
    os._exit(0)


def attempt(what: Any, one: dict[str, Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = what(**one)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return found


def plain(text: str) -> str:
    """Return a label without the mark of its key and the dots of an entry."""
    return re.sub(r"\(&\w\)|&", "", text).rstrip(".…")


def said(text: str) -> str:
    return plain(QCoreApplication.translate("MainWindow", text))


def layer(steps: str, address: str) -> dict[str, Any]:
    menu, under, entry, source = (part.strip() for part in steps.split(" > "))
    if (menu, under) != (said("&Layer"), said("Add Layer")):
        raise LookupError(f"no menu {menu} > {under}")
    provider = {said(name): key for name, key in ENTRIES.items()}[entry]
    (where,) = chosen(provider, source, address)
    if provider == "gdal":
        raster = QgsRasterLayer(where, "x", provider)
        if not raster.isValid():
            raise OSError(raster.error().message() or f"not a layer: {where}")
        top = raster.dataProvider().bandStatistics(1, QgsRasterBandStats.Max).maximumValue
        return {
            "size": [raster.width(), raster.height()],
            "bands": raster.bandCount(),
            "top": top,
        }
    vector = QgsVectorLayer(where, "x", provider)
    if not vector.isValid():
        raise OSError(vector.error().message() or f"not a layer: {where}")
    return {
        "count": sum(1 for _ in vector.getFeatures()),
        "fields": [field.name() for field in vector.fields()],
    }


def chosen(provider: str, source: str, address: str) -> list[str]:
    """Return what the provider's dialog adds when its source is chosen, filled and added."""
    dialog = (
        QgsGui.sourceSelectProviderRegistry().providerByName(provider).createDataSourceWidget()
    )
    added: list[str] = []
    signal = dialog.addRasterLayers if provider == "gdal" else dialog.addVectorLayers
    signal.connect(lambda names, *_: added.extend(names))
    # "File: the file that came" names a button and what to put there.
    label = source if "HTTP" in source else re.split("[:：]", source)[0]
    (button,) = [
        b for b in dialog.findChildren(QRadioButton) if plain(b.text()).startswith(label)
    ]
    button.click()
    if "HTTP" in label:
        (box,) = [
            b for b in dialog.findChildren(QGroupBox) if b.objectName() == "protocolGroupBox"
        ]
        (line,) = [e for e in box.findChildren(QLineEdit) if e.objectName() == "protocolURI"]
        line.setText(address)
    else:
        dialog.findChildren(QgsFileWidget)[0].setFilePath(address)
    dialog.addButtonClicked()
    return added


def features(url: str, collection: str, bbox: list[float], page: int) -> dict[str, Any]:
    """Return the ids of a collection's items, read as OGC API Features in pages."""
    source = f"typename='{collection}' url='{url}'"
    source += f" pagesize='{page}'" if page else ""
    source += " restrictToRequestBBOX='1'" if bbox else ""
    vector = QgsVectorLayer(source, "x", "OAPIF")
    if not vector.isValid():
        raise OSError(vector.error().message() or "not a layer")
    request = QgsFeatureRequest(QgsRectangle(*bbox)) if bbox else QgsFeatureRequest()
    return {"ids": sorted(feature["id"] for feature in vector.getFeatures(request))}


main()
