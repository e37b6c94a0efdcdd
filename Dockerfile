FROM python:3.11-slim-bookworm

# The three lines that the organisers require.
RUN mkdir /challenge
COPY ./ /challenge
WORKDIR /challenge

RUN pip install --no-cache-dir -r requirements.txt

# ImageNet weights, if the network gives them now: there is none at run time. Without them training
# starts from random weights and says so.
ENV TORCH_HOME=/challenge/torch_home
RUN python -c "import torch, torchvision.models as m; torch.hub.load_state_dict_from_url(m.Inception_V3_Weights.IMAGENET1K_V1.url, progress=False)" \
    || echo "ImageNet weights not available; going on without."
