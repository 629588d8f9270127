"""What IAM says: to the callers of SageMaker's operations, and of the roles that training jobs act under.

Policies are evaluated by MiniStack, which also does so for S3, STS, IAM and CloudWatch Logs.
"""
