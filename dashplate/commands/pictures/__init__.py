"""Commands that make videos, pictures and packages of what was found."""
