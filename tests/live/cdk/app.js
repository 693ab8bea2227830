// What the live test deploys with AWS CDK, as its guide begins: a service behind a load balancer, network and all.
const { App, Duration, Stack } = require('aws-cdk-lib');
const ecr = require('aws-cdk-lib/aws-ecr');
const ecs = require('aws-cdk-lib/aws-ecs');
const patterns = require('aws-cdk-lib/aws-ecs-patterns');

const app = new App();
const stack = new Stack(app, 'Cats');
const repository = ecr.Repository.fromRepositoryName(stack, 'Repository', 'cats');
const service = new patterns.ApplicationLoadBalancedFargateService(stack, 'Service', {
  cpu: 256,
  memoryLimitMiB: 512,
  desiredCount: Number(app.node.tryGetContext('count')),
  taskImageOptions: {
    image: ecs.ContainerImage.fromEcrRepository(repository, app.node.tryGetContext('version')),
    containerPort: 4567,
  },
  circuitBreaker: { rollback: true },
  minHealthyPercent: 100,
});
service.targetGroup.configureHealthCheck({ path: '/health', interval: Duration.seconds(5), timeout: Duration.seconds(2) });
