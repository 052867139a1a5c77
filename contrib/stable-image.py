#!/usr/bin/env python3
"""Removes from an archive of a container image what differs between two builds of it.

    stable-image.py FROM.tar TO.tar

Builders write the id and the host name of their own container into the configuration. Its digest is then another one each
time, although the layers are equal. The archive is that of `docker save`: manifest.json, the configuration, the layers.
"""
import hashlib
import io
import json
import os
import sys
import tarfile

OF_THE_BUILDER = ('container', 'container_config', 'docker_version')


def main(source, target):
    with tarfile.open(source) as archive:
        manifest = json.load(archive.extractfile('manifest.json'))
        image = manifest[0]
        config = json.load(archive.extractfile(image['Config']))
        layers = {name: archive.extractfile(name).read() for name in image['Layers']}
    for key in OF_THE_BUILDER:
        config.pop(key, None)
    config['config'].pop('Hostname', None)
    config['config'].pop('Image', None)
    text = encode(config)
    image['Config'] = hashlib.sha256(text).hexdigest() + '.json'
    files = {'manifest.json': encode(manifest), image['Config']: text, **layers}
    with tarfile.open(target, 'w', format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            entry.mode = 0o644
            entry.mtime = int(os.environ['SOURCE_DATE_EPOCH'])
            archive.addfile(entry, io.BytesIO(files[name]))


def encode(value):
    return json.dumps(value, sort_keys=True, separators=(',', ':')).encode()


main(*sys.argv[1:])
