"""A Django project of one view that relays the model's stream: what the stack itself costs."""
