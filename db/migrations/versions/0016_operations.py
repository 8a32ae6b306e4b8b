"""What the previous release's workers end is joined to its drive too, while they run beside new ones."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Workers of before 0014 end a video without a word about joining.
    op.execute(
        """
        CREATE FUNCTION note_to_join() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.to_join := true;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER note_to_join BEFORE UPDATE OF finished_at ON videos FOR EACH ROW
        WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL AND NEW.kind = 'video'
              AND (NEW.recorded_at IS NOT NULL OR NEW.drive_id IS NOT NULL))
        EXECUTE FUNCTION note_to_join()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER note_to_join ON videos")
    op.execute("DROP FUNCTION note_to_join")
