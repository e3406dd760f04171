"""Opens input: plain files, and members of zip, tar and gzip archives, without unpacking them all."""

import gzip
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mids.errors import DataError, MidsError
from mids.issues import Issue, issue
from mids.records import Source

MEMBER_LIMIT = 4 * 1024**3
"""Bytes that one archive member may unpack to: a radiograph or an enhanced CT stays far below."""

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
