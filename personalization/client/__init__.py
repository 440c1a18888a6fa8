"""For sites built with Django: slots filled by the server. A folder of its own, to be copied or installed as it is."""
