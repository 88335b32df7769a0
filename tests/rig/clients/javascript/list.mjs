// Who we are to the cluster of a kubeconfig context, and its namespaces, by the official client.
import { AuthenticationV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node'

const config = new KubeConfig()
config.loadFromDefault()
config.setCurrentContext(process.argv[2])
const review = await config.makeApiClient(AuthenticationV1Api).createSelfSubjectReview({
  body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
})
console.log(review.status.userInfo.username)
for (const namespace of (await config.makeApiClient(CoreV1Api).listNamespace()).items) {
  console.log(`namespace/${namespace.metadata.name}`)
}
