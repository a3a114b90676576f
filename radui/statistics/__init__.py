"""Numbers from ratings, each with its interval, its n and a sentence where it is undefined."""
