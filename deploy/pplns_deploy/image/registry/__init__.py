"""The OCI distribution API, as far as images need it: pull a base, push an image, attach documents to it.

`calls` sends requests and repeats those that may be repeated; `tokens` and `credentials` answer a registry's challenge;
`downloads` and `uploads` move blobs; `pushing` puts an image's parts up in the order that never leaves a tag on half of
one. Specification: https://github.com/opencontainers/distribution-spec (1.1)."""
