"""Who we are to the cluster of a kubeconfig context, and its namespaces, by the official Python client."""

import sys

from kubernetes import client, config

config.load_kube_config(context=sys.argv[1])
review = client.AuthenticationV1Api().create_self_subject_review({
    "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
print(review.status.user_info.username)
for namespace in client.CoreV1Api().list_namespace().items:
    print(f"namespace/{namespace.metadata.name}")
