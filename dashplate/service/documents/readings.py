"""What is read of a plate, and what a photograph shows."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

Box = Annotated[
    list[float],
    Field(
        min_length=4, max_length=4, description="x1, y1, x2, y2 in pixels of the picture.", examples=[[10, 20, 110, 45]]
    ),
]
Share = Annotated[float, Field(ge=0, le=1)]


class CharacterRead(BaseModel):
    char: str = Field(description="A character of the text, or `·` for a letter of a script that is not read.")
    confidence: Share


class TextRead(BaseModel):
    text: str
    confidence: Share


class RegionTold(BaseModel):
    name: str = Field(examples=["California"])
    confidence: Share


# A service of before tells none.
Regions = Annotated[
    list[RegionTold],
    Field(description="The country's states or provinces that may have issued it, by its form, the likeliest first."),
]


class LookAlikeRead(BaseModel):
    """What a plate may say in one place instead."""

    place: int = Field(description="Among `characters`, from 1.")
    char: str
    confidence: Share = Field(description="Of the whole text with it.")


UnsureBetween = Annotated[
    LookAlikeRead | None,
    Field(description="How the likeliest runner-up differs, where that is in one look-alike and it holds .05 or more."),
]


class PlateRead(BaseModel):
    """A plate that was found and read."""

    text: str = Field(examples=["GV5679"])
    shown: str = Field(
        description="The text, `?` for what is less than half sure, `·` for foreign letters.", examples=["GV56?9"]
    )
    country: str | None = Field(description="The country that text and looks of the plate tell.", examples=["HK"])
    country_confidence: Share | None = Field(None, description="That it is of that country, if the text is right.")
    regions: Regions = []
    confidence: Share
    box: Box
    detection_confidence: Share
    characters: list[CharacterRead]
    alternatives: list[TextRead] = Field(description="Runner-up texts, the likeliest first.")
    unsure_between: UnsureBetween = None


class PlateUnread(BaseModel):
    """A plate that was found and shows nothing legible."""

    box: Box
    detection_confidence: Share


class PhotoRead(BaseModel):
    """What a photograph shows."""

    image: str = Field(description="The file's name, as it was sent.", examples=["car.jpg"])
    width: int
    height: int
    plates: list[PlateRead]
    unread: list[PlateUnread]
    ms: float = Field(description="Milliseconds of finding and reading.")
    drawn: str | None = Field(None, description="The picture with boxes and texts, JPEG in base64, where asked for.")
