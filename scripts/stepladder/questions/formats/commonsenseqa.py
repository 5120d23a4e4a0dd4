HUB=None
from_files=None
from_hub=None
