"""Who must agree to what an agent does, what they said, and a record of it that nobody can bend."""
