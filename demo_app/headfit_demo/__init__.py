"""The app: teach your phone to see, and ship only a head."""
