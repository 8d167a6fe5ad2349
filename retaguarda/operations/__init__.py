"""What keeps an installation healthy and its people told: alerts, watchdog, metrics, backup, retention."""
