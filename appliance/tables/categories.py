"""The fixed list of categories, and which songs are in which."""

from sqlalchemy import Column, Double, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy import Table as CoreTable
from sqlalchemy.orm import Mapped, mapped_column

from appliance.database import Table


class Category(Table):
    """One of the curated categories; a migration fills the table and nothing else adds to it."""

    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)


song_categories = CoreTable(
    "song_categories",
    Table.metadata,
    Column("song_id", ForeignKey("songs.id", ondelete="CASCADE"), primary_key=True),
    Column("category_id", ForeignKey("categories.id"), primary_key=True, index=True),
    Column("heat", Double, nullable=True),  # the song's, while it is published; triggers keep it
)
Index(
    "ix_song_categories_heat",
    song_categories.c.category_id,
    song_categories.c.heat,
    song_categories.c.song_id,
    postgresql_where=text("heat IS NOT NULL"),
)
